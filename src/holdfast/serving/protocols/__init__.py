"""The doors for clients people already have; each translates to the rows that `/predict` takes, and decides nothing.

`mlflow` (SageMaker's contract too), `oip` (Open Inference Protocol v2), `kserve` (V1) answer, `routes` adds them;
`tables`, `tensors`, `cells` turn payloads into rows, `model` asks for decisions, `answers` shapes faults.
"""
