"""Films of 8 chunks, of which the last two are predictive of the label."""

import numpy as np
import pandas as pd

from tests.features.films import some_features
from wholescript.models.films.estimator import FilmDataset


def predictive_end(n):
    """n films; the last quarter of the positive ones has a high second coordinate."""
    features = some_features(counts=(8,) * n)
    labels = (np.arange(n) % 3 == 0).astype(np.int8)
    codes = features.chunks.codes.reshape(n, 8, 2)
    codes[:, :, 0] = 0
    codes[:, 6:, 1] += (60 * labels[:, None]).astype(np.int8)
    films = pd.DataFrame({"film_id": features.film_ids, "year": 2000})
    return FilmDataset(films, labels, features.groups, features)
