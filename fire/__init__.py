"""Holdfast under fire: experiments that break things around a real server, each with a figure and a control that fails.

`python -m fire [NAME …]` (or `make fire`) runs them; `experiment` says what one is, `crowd` sends and remembers,
`audit` judges the ledger afterwards, `disk` and `trace` stand between us and the disk; every other module is one of
the experiments. The same ones, in a short form, are tests (tests/fire).
"""
