"""Versions, aliases, and who moved them: MLflow keeps the versions, the ledger keeps the decisions.

`registry` versions in MLflow · `history` which version was live when, from the ledger · `promote` promote, roll back,
archive, repair · `door` who else may say no · `probe` a look at the registry without MLflow.
"""
