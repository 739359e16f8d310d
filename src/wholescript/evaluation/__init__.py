"""Out-of-fold predictions, metrics, intervals and calibration."""
