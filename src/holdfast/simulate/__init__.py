"""Made-up histories to start from: seeded, vectorised, of any size.

fraud -> the four request fields of a payment; cards -> customers, terminals and labels that arrive late;
credit -> wide applications; table -> the columns of a history, as Parquet, CSV or request bodies.
"""
