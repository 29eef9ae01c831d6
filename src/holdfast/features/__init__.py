"""One plan, two engines: batch over history and online over state, equal in every bit.

plan -> which series a contract needs and which windows it reads; kernel -> the one expression kernel, for a row and
for columns; batch -> features for many rows; state -> the same from an ordered key-value file.
"""
