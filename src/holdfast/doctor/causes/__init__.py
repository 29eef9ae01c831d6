"""One cause a file: a function that looks at both sides and answers a finding, or None.

A cause is named only by what was seen; what cannot be seen is left to `diagnose`, which says what was not compared.
Figures that are estimates are named when the whole interval lies beyond chance, over all the columns looked at.
"""
