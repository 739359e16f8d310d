"""Estimators of screenplays that are trained by the loop: aggregators, end-to-end models."""
