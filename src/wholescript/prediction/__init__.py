"""Predict a nomination from a screenplay file with the shipped TF-IDF model, and explain it.

This module imports nothing, and a prediction imports neither PyTorch nor pandas: it takes about a
second.
"""
