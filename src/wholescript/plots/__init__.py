"""Plots that several studies share: data in, figure out."""
