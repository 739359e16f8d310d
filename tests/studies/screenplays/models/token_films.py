"""Films whose scripts are random tokens; those of positive films have one token often."""

import numpy as np
import pandas as pd
from safetensors.numpy import save

from wholescript.models.films.estimator import FilmDataset

MARK = 2000


def token_dataset(n):
    """n films without features, every third one positive."""
    names = [f"film{row}" for row in range(n)]
    films = pd.DataFrame({"film_id": names, "text_sha1": [f"sha{row}" for row in range(n)]})
    labels = (np.arange(n) % 3 == 0).astype(np.int8)
    return FilmDataset(films, labels, np.array(names, object), None)


def write_tokens(cache, n, share):
    """Write the scripts of n films into a cache; MARK is that share of a positive film's tokens."""
    generator = np.random.default_rng(0)
    (cache / "tokens").mkdir()
    for film in range(n):
        ids = generator.integers(1000, 1050, generator.integers(20, 60))
        if film % 3 == 0:
            ids[generator.random(len(ids)) < share] = MARK
        ids[0] = MARK if film % 3 == 0 else 1000
        path = cache / "tokens" / f"sha{film}.safetensors"
        path.write_bytes(save({"ids": ids.astype(np.uint16)}))
