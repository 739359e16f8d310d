"""A child that trains until it is killed: `python -m tests.training.train_slowly CHECKPOINT`."""

import sys
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.training.planted import D, corpus
from wholescript.models.aggregators import QueryDecoder
from wholescript.training.batches import FilmBatches
from wholescript.training.loop import TrainingSettings, fit

SETTINGS = TrainingSettings(epochs=8, patience=8, learning_rate=3e-3)


def model():
    torch.manual_seed(0)
    return QueryDecoder(D, d_model=8, heads=2, d_feedforward=8, queries=2)


def run(checkpoint=None, loss=binary_cross_entropy_with_logits):
    """Train and return the weights and the fit."""
    labels, chunks = corpus(48)
    training, held_out = (
        FilmBatches(chunks, labels, rows, D, 0.3, 8) for rows in (np.arange(32), np.arange(32, 48))
    )
    trained = model()
    result = fit(trained, training, held_out, SETTINGS, seed=5, loss=loss, checkpoint=checkpoint)
    return trained.state_dict(), result


def stalling(calls, seconds):
    """Return a loss that waits once it was called so many times."""
    remaining = iter(range(calls))

    def loss(logits, labels):
        if next(remaining, None) is None:
            time.sleep(seconds)
        return binary_cross_entropy_with_logits(logits, labels)

    return loss


if __name__ == "__main__":
    torch.set_num_threads(1)
    run(Path(sys.argv[1]), stalling(13, 600))
