"""Scikit-learn style classifiers of labelled documents, fitted in seconds on a CPU."""
