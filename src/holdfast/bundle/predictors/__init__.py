"""One-row and matrix scoring for each kind of model, with the same bits.

linear, lightgbm, trees -> the predictors; from_sklearn, from_xgboost -> fitted estimators as plain data, at training
time; prove -> the refusal to pack a predictor that is not equal to its original.
"""
