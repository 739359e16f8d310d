"""Companion studies of classifiers of texts: trained as stored runs, told as tables."""
