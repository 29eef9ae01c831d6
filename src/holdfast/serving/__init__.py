"""The server: one ASGI app over live versions, state and ledger.

`run` opens, serves, drains; `app` joins the routes; `predict` is the hot path, `direct` its short cut past ASGI,
`decide` what it computes, `durable` its way to the disk; `live` says which versions answer, `follow` and `chores` keep
that true; `bulk`, `batch`, `events`, `outcomes`, `explain`, `health` are the other routes; `wire`, `replies`,
`openapi`, `metrics` the edges.
"""
