import io

import numpy as np
import pandas as pd
import pytest
from screenplain.export.fdx import to_fdx
from screenplain.export.pdf import to_pdf
from screenplain.parsers.fountain import parse

from tests.prediction.screenplays import FILMS, fountain_of
from wholescript.data.films import Corpus, DataProvenance
from wholescript.features.bundle import ChunkEmbeddings, FilmFeatures
from wholescript.features.compression import PCARotation
from wholescript.features.layout import measure_layout
from wholescript.features.word_counts import count_words, stack_word_counts
from wholescript.prediction.fit import make_predictor
from wholescript.prediction.predictor import save_predictor


@pytest.fixture(scope="session")
def fountain():
    return fountain_of(1_000, True)


@pytest.fixture(scope="session")
def in_each_format(fountain, tmp_path_factory):
    """One screenplay in four formats; FDX and PDF are written by screenplain."""
    folder = tmp_path_factory.mktemp("formats")
    fdx, pdf = io.StringIO(), io.BytesIO()
    to_fdx(parse(io.StringIO(fountain)), fdx)
    to_pdf(parse(io.StringIO(fountain)), pdf)
    content = {
        ".txt": fountain.encode(),
        ".fountain": fountain.encode(),
        ".fdx": fdx.getvalue().encode(),
        ".pdf": pdf.getvalue(),
    }
    paths = {suffix: folder / f"film{suffix}" for suffix in content}
    for suffix, path in paths.items():
        path.write_bytes(content[suffix])
    return paths


@pytest.fixture(scope="session")
def texts():
    """The scripts of 60 synthetic films; every third is positive."""
    return [fountain_of(seed, seed % 3 == 0) for seed in range(FILMS)]


@pytest.fixture(scope="session")
def corpus(texts):
    films = pd.DataFrame(
        {
            "film_id": [f"film{i:02}" for i in range(FILMS)],
            "year": 1960 + np.arange(FILMS),
            "n_words": [len(text.split()) for text in texts],
            "group": [f"film{i:02}" for i in range(FILMS)],
            "nominated_for_writing": np.arange(FILMS) % 3 == 0,
        }
    )
    return Corpus(
        films, "nominated_for_writing", DataProvenance("local", "synthetic", "0" * 64), None
    )


@pytest.fixture(scope="session")
def features(corpus, texts):
    rotation = PCARotation(np.zeros(2, np.float32), np.eye(2, dtype=np.float32), 1.0)
    chunks = ChunkEmbeddings(np.ones((FILMS, 2), np.int8), np.arange(FILMS + 1), rotation)
    return FilmFeatures(
        corpus.film_ids,
        corpus.groups,
        np.array([len(text) // 4 for text in texts]),
        np.stack([measure_layout(text) for text in texts]),
        stack_word_counts([count_words(text) for text in texts]),
        chunks,
        {},
    )


@pytest.fixture(scope="session")
def predictor(corpus, features):
    return make_predictor(corpus, features)


@pytest.fixture
def model(predictor, tmp_path):
    folder = tmp_path / "model"
    save_predictor(predictor, folder)
    return folder
