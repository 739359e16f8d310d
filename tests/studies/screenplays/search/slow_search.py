"""A small search for tests, run as a child process that is killed.

`python -m tests.studies.screenplays.search.slow_search FOLDER WHERE`: WHERE is the address of a Ray
cluster, or the number of processes to start.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from tests.training.planted import N, corpus
from wholescript.features.bundle import FilmFeatures
from wholescript.features.word_counts import N_QUARTERS, WordCounts
from wholescript.models.films.estimator import FilmDataset
from wholescript.studies.screenplays.search.run import search
from wholescript.studies.screenplays.search.space import parse_space

TRIALS = 6
SPACE = parse_space(
    {
        "protocol": {"inner_folds": 2, "epochs": 9, "patience": 9, "grace_epochs": 3},
        "hyperparameters": {
            "architecture": ["gated_attention", "query_decoder"],
            "dimensions": [3, 6],
            "d_model": [8],
            "n_head": [2, 4],
            "learning_rate": {"low": 1e-3, "high": 3e-2, "scale": "log"},
            "batch_size": {"low": 8, "high": 16},
        },
    }
)


def films():
    """The planted corpus as a data set without words."""
    labels, chunks = corpus()
    ids = [f"film{row}" for row in range(N)]
    none = csr_matrix((N, 0), dtype=np.uint16)
    words = WordCounts((none,) * N_QUARTERS, none, [])
    tokens, layout = np.zeros(N, np.int64), np.zeros((N, 13), np.float32)
    groups = np.array(ids, object)
    features = FilmFeatures(ids, groups, tokens, layout, words, chunks, {})
    years = 1960 + np.arange(N)
    return FilmDataset(pd.DataFrame({"film_id": ids, "year": years}), labels, groups, features)


def run(folder, where=1, *, space=SPACE, trials=TRIALS):
    """Search in `folder`, at an address or on a number of processes."""
    on = {"n_workers": where} if isinstance(where, int) else {"address": where}
    data = {"fingerprint": "planted"}
    return search(space, films(), folder, data=data, n_trials=trials, progress=False, **on)


if __name__ == "__main__":
    folder, where = sys.argv[1:]
    run(Path(folder), int(where) if where.isdigit() else where)
