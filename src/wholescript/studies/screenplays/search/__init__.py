"""Hyperparameter search of MIL classifiers with Ray Tune."""
