"""How a stage runs: configuration, the stage decorator, its output folder, its code's fingerprint,
MLflow.

The only room that knows Hydra, DVC or MLflow.
"""
