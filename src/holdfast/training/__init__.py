"""From finished features to a bundle that can be trained again, bit for bit.

`settings` what is asked · `rows` examples in canonical order · `split` who learns, who judges · `fit` the families ·
`validate` folds · `calibrate` · `threshold` · `evaluate` metrics and intervals · `importance` · `fingerprint` ·
`train` the journey, `reproduce` the journey again · `sweep` many journeys · `report` plots and card · `track` MLflow.
"""
