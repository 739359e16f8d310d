"""Hyperparameter search of aggregators with Ray Tune."""
