"""The score card: every row and bullet of the two source lists as a fault, and who names it.

`bullets` the lists in our own words · `fault` what a fault is, and what was seen of it · `stage` the clean projects ·
`gate_*`, `door`, `doctor` the faults themselves · `table` all of them · `frames` the same as tables for the peers ·
`card` judging and the page · `run` seeds and processes · `beside`, `peers/` what other tools say of the same tables.
"""
