"""Experiments on labelled documents: train, evaluate, store, load."""
