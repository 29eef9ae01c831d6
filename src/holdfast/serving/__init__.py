"""The server: one ASGI app over live versions, state and ledger.

`app` joins the routes · `predict` is the hot path, `decide` what it computes · `live` says which versions answer and
follows promotions · `run` starts and drains the worker · `wire`, `replies`, `openapi`, `metrics` are its edges.
"""
