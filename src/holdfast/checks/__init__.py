"""The gate: what is asked of a version before it may answer, one check per file, and the verdict.

`check` is the protocol, `subject` what a check looks at, `limits` the thresholds, `verdict` runs all and judges,
`catalog` lists them, and `journey` is what `holdfast check` does. Files are named by category and what they ask:
`data_size`, `performance_metrics`.
"""
