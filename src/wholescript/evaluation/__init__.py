"""Predictions, metrics, bootstrap intervals, comparisons and calibration."""
