"""Made-up scripts, and the settings of the fastest real encoder."""

from itertools import product

import numpy as np

from wholescript.features.extract import FeatureConfig

WORDS = ["".join(pair) for pair in product(["bar", "kel", "mos", "rit", "tun"], ["a", "o", "ane"])]
QUICK = FeatureConfig(n_layer=1, chunk_length=40, engine="torch", precision="float32")


def script(number, words=300):
    """Return a made-up script of about `words` words, different for each number."""
    rng = np.random.default_rng(number)
    lines = []
    for _ in range(words // 10):
        line = " ".join(rng.choice(WORDS, 8))
        lines.append(f"INT. {rng.choice(WORDS).upper()} - NIGHT\n\n{line}?")
    return "\n".join(lines)
