"""A model version as plain data: a folder verified by hash, scored without running anything that came with it.

pack -> write a folder and its manifest; manifest -> what may be in it, and the check; load -> verify, then open;
bundle -> score, calibrate, explain; predictors -> linear, LightGBM, trees. `mlflow_model` and `pyfunc` let MLflow
carry the same folder.
"""
