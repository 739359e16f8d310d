"""Torch modules; `documents` and `films` hold the estimators of documents and of films."""
