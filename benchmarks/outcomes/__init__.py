"""Public data as a live model meets it, for what is told about outcomes.

`public` trains on the first part of each set and judges the rest, `shifts` draws what would be raised and when.
"""
