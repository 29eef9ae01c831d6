"""The ledger: every accepted record, in one order, on disk before its reply. State is its projection.

records, ids -> what is kept and how it is named; files, log -> framed segments that survive a power cut; writer ->
order, append, sync, apply, reply; read -> iterate and find; attach, recover, rebuild -> state from history and ledger;
history -> pinned inputs; seal -> days as Parquet.
"""
