"""Objectives: the loss of a training step and the metrics of a validation step."""
