"""Estimators of a binary label of films, which share inner folds and the protocol of `dataset`."""
