"""Plots of the main study: data in, figure out."""
