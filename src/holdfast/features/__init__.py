"""One plan, two engines: batch over history and online over state, equal in every bit.

plan -> which series a contract needs and which windows it reads; kernel -> the one expression kernel, for a row and
for columns; history (sources, tables, parse) -> records as columns; batch (answers, windows, dominance) -> features
for many rows in memory, out_of_core (spill, buckets) -> by entity on disk; state -> from an ordered key-value file.
"""
