"""A small data set of the columns and splits of Movie-O-Label, and a tiny encoder of its words."""

from pathlib import Path

import numpy as np
import pandas as pd

from tests.features.tiny_encoders import write_tiny_encoder
from wholescript.features.build import BUNDLE_FOLDER
from wholescript.features.bundle import read_bundle

N = 80
SPLITS = {"train": (0, 48), "validation": (48, 64), "test": (64, 80)}
# Words of the bundled films, so that scripts count as English.
WORDS = [
    word
    for word in read_bundle(BUNDLE_FOLDER).word_counts.vocabulary[5_000:5_900]
    if word.isalpha()
]
OF_POSITIVE = WORDS[:40]


def labels():
    return np.arange(N) % 4 == 0


def movies():
    """80 films; all words of summaries, and some of scripts, are those of the label."""
    rng = np.random.default_rng(0)
    rows = []
    for number, label in enumerate(labels()):
        own = WORDS[40 + 10 * number : 50 + 10 * number]
        marked = rng.choice(OF_POSITIVE if label else WORDS[-40:], 80)
        rows.append(
            {
                "movie_name": f"Film {number}_{1950 + number}",
                "imdb_id": f"tt{number:07}",
                "title": f"Film {number}",
                "year": 1950 + number,
                "summary": " ".join(marked[:60]),
                "script": "<script>",
                "script_plain": "plain",
                "script_clean": " ".join(rng.permutation([*own * 20, *marked[:30]])),
                "nominated": int(label),
                "winner": 0,
            }
        )
    return pd.DataFrame(rows)


def write_movies(folder: Path, table: pd.DataFrame | None = None) -> Path:
    """Write the three splits as a folder that `datasets` loads."""
    table = movies() if table is None else table
    folder.mkdir()
    for name, (start, stop) in SPLITS.items():
        table.iloc[start:stop].to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def write_encoder(folder: Path) -> str:
    """Save an encoder that knows the words of the films."""
    return write_tiny_encoder(folder, WORDS)
