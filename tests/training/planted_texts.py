"""Invented texts of three classes, each told by its words, and trainings that are broken off."""

from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
from torch.optim.optimizer import register_optimizer_step_post_hook

from wholescript.training.document_classifier import LabelledDocuments

TOLD = (("harbour", "ferry", "pier"), ("violin", "choir", "organ"), ("glacier", "summit", "rope"))
FILLER = ["the", "a", "of", "under", "slow", "bright", "every", "old", "near", "they", "saw"]
CLASSES = len(TOLD)


def planted(n=60, seed=0, words=5):
    """n texts of so many words, of which one tells the class; labels go round the classes."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    texts = []
    for label in labels:
        text = list(rng.choice(FILLER, words - 1))
        text.insert(int(rng.integers(words)), rng.choice(TOLD[label]))
        texts.append(" ".join(text))
    return LabelledDocuments(texts, labels, CLASSES)


def planted_table(path, n=300):
    """Write planted texts of seven words, each once, as a table that can be prepared."""
    texts = planted(n, words=7)
    frame = pd.DataFrame({"text": texts.texts, "label": texts.labels}).drop_duplicates("text")
    frame.to_csv(path, index=False)
    return path


def mislabelled(n=60, seed=0):
    """Texts of which nothing can be learned but by heart."""
    texts = planted(n, seed)
    labels = np.random.default_rng(seed + 1).permutation(texts.labels)
    return LabelledDocuments(texts.texts, labels, CLASSES)


@contextmanager
def counted():
    """Give a list that grows by one with each step of any optimizer."""
    steps = []
    handle = register_optimizer_step_post_hook(lambda *_: steps.append(1))
    try:
        yield steps
    finally:
        handle.remove()


@contextmanager
def killed_in_step(number):
    """Break off what is trained within, as its optimizer has taken so many steps."""
    with counted() as steps:

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
    """Break off what is trained within, as it tells of its `number`-th epoch to what is given."""
    told = []

    def on_epoch_end(row):
        told.append(row)
        if len(told) == number:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        yield on_epoch_end


def timeless(history):
    """A history without the seconds of its epochs."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in history]
