"""Synthetic predictions of documents, with and without probabilities."""

import numpy as np
from scipy.special import softmax

from wholescript.evaluation.document_predictions import DocumentPredictions


def classified(n=200, n_classes=4, seed=0, strength=2.0, classes=None):
    """Draw logits from `seed`; a higher `strength` gives a higher accuracy. Labels are fixed."""
    labels = np.random.default_rng([0, 1]).permutation(np.arange(n) % n_classes)
    logits = np.random.default_rng([seed, 2]).normal(size=(n, n_classes))
    logits[np.arange(n), labels] += strength
    return DocumentPredictions.from_probabilities(
        [f"doc{i}" for i in range(n)],
        classes or [f"class {c}" for c in range(n_classes)],
        labels,
        softmax(logits, axis=1),
    )


def decided(labels, predicted, n_classes):
    """Make predictions without probabilities."""
    names = [f"class {c}" for c in range(n_classes)]
    ids = [str(i) for i in range(len(labels))]
    return DocumentPredictions.from_predicted_labels(
        ids, names, np.array(labels), np.array(predicted)
    )
