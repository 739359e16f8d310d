"""Synthetic documents with planted class words, and ways to interrupt a training."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from torch.optim.optimizer import register_optimizer_step_post_hook

from wholescript.training.document_classifier import LabelledDocuments

CLASS_WORDS = (
    ("harbour", "ferry", "pier"),
    ("violin", "choir", "organ"),
    ("glacier", "summit", "rope"),
)
FILLER = ["the", "a", "of", "under", "slow", "bright", "every", "old", "near", "they", "saw"]
CLASSES = len(CLASS_WORDS)


def planted(n=60, seed=0, words=5):
    """n documents of so many words, one of which is a class word; labels alternate."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    texts = []
    for label in labels:
        text = list(rng.choice(FILLER, words - 1))
        text.insert(int(rng.integers(words)), rng.choice(CLASS_WORDS[label]))
        texts.append(" ".join(text))
    return LabelledDocuments(texts, labels, CLASSES)


def planted_table(path, n=300):
    """Write planted documents of seven words, without duplicates, as a CSV file."""
    texts = planted(n, words=7)
    frame = pd.DataFrame({"text": texts.texts, "label": texts.labels}).drop_duplicates("text")
    frame.to_csv(path, index=False)
    return path


def with_random_labels(n=60, seed=0):
    """Planted documents with permuted labels, which can only be memorised."""
    texts = planted(n, seed)
    labels = np.random.default_rng(seed + 1).permutation(texts.labels)
    return LabelledDocuments(texts.texts, labels, CLASSES)


@contextmanager
def count_steps():
    """Yield a list that grows by one with each step of any optimizer."""
    steps = []
    handle = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    try:
        yield steps
    finally:
        handle.remove()


@contextmanager
def killed_in_step(number):
    """Interrupt the training within at the `number`-th optimizer step."""
    with count_steps() as steps:

        def kill(*_):
            if len(steps) == number:
                raise KeyboardInterrupt

        handle = register_optimizer_step_post_hook(kill)
        try:
            with pytest.raises(KeyboardInterrupt):
                yield
        finally:
            handle.remove()


@contextmanager
def killed_after_epoch(number):
    """Yield a callback that interrupts the training after its `number`-th epoch."""
    rows = []

    def on_epoch_end(row):
        rows.append(row)
        if len(rows) == number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        yield on_epoch_end


def without_seconds(history):
    """The history without the column `seconds`."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
