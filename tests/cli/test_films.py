"""`wholescript evaluate films`: models and embeddings, on folds and on a published split."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.shell import Result, shell
from tests.studies.screenplays.movie_o_label import SPLITS, labels, movies
from wholescript.experiments.store import RunStore
from wholescript.features import build
from wholescript.project import ROOT_VARIABLE


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("root")
    table = movies().rename(
        columns={
            "imdb_id": "film_id",
            "script_clean": "text",
            "nominated": "nominated_for_writing",
        }
    )
    splits = [name for name, (start, stop) in SPLITS.items() for _ in range(start, stop)]
    noise = np.random.default_rng(0).normal(size=(len(table), 3))
    vectors = noise + 2 * labels()[:, None]
    table.assign(split=splits, vector=list(vectors)).to_parquet(root / "films.parquet")
    np.save(root / "vectors.npy", vectors)
    np.save(root / "short.npy", vectors[:-1])
    ids = table["film_id"].sample(frac=1, random_state=0)
    order = pd.DataFrame({"film_id": ids, "e5": list(vectors[ids.index])})
    order.to_parquet(root / "vectors.parquet", index=False)
    return root


@pytest.fixture
def call(root, monkeypatch):
    monkeypatch.setitem(build.load_word_features.__kwdefaults__, "cache", root / "cache")

    def call(*options: object) -> Result:
        command = ["evaluate", "films", *options, "--store", root / "results"]
        own = ["--source", "local", "--path", root / "films.parquet", "--scale", "smoke"]
        env = {ROOT_VARIABLE: str(root)}
        return shell(command if "--source" in options else [*command, *own], env)

    return call


def auc(root: Path, name: str) -> float:
    run = RunStore(root / "results").find(name)
    assert run is not None
    return run.metrics["auc"].value


def test_published_split_of_a_local_file(call, root):
    result = call("tfidf-logistic", "--fields", "summary", "--split", "published")
    assert result.exit_code == 0, result.output
    shown = " ".join(result.stdout.split())
    assert "48 films for training, 16 for validation, 16 tested" in shown
    assert "AUROC" in result.stdout and "macro-F1" in result.stdout
    name = "films-summary-published-split-smoke/tfidf-logistic"
    run = RunStore(root / "results").find(name)
    assert run is not None and run.settings["split"] == "published"
    assert auc(root, name) > 0.9


def test_embeddings_by_file_and_by_column_are_the_same_input(call, root):
    inputs = {
        "npy": ("--embeddings", root / "vectors.npy"),
        "parquet": ("--embeddings", root / "vectors.parquet"),
        "column": ("--embeddings-column", "vector"),
    }
    for split in ("random", "published"):
        outputs = {}
        for name, given in inputs.items():
            result = call(*given, "--split", split, "--name", f"{name}-{split}")
            assert result.exit_code == 0, result.output
            outputs[name] = " ".join(result.stdout.replace(name, "").split())
        assert len(set(outputs.values())) == 1
        group = "films-published-split-smoke" if split == "published" else "films-smoke"
        assert 0.8 < auc(root, f"{group}/npy-{split}") <= 1
    assert "24 films, 2 folds" in call("--embeddings-column", "vector", "--name", "x").stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--embeddings", "short.npy"], "short.npy has 79 rows for 80 films"),
        (["--embeddings-column", "vectors"], "no column 'vectors'; it has "),
        (["--embeddings-column", "summary"], "a vector is a list of numbers"),
        (["--embeddings", "vectors.npy", "--id-column", "a"], "only Parquet files have ids"),
        (["--id-column", "a"], "the column 'a' is of a file of embeddings, and none is given"),
        (
            ["--embeddings-column", "vector", "--vector-column", "b"],
            "the column 'b' is of a file of embeddings, and none is given",
        ),
        (["tfidf-logistic", "--embeddings", "vectors.npy"], "reads no embeddings"),
        (["embeddings"], "needs films with precomputed ones"),
        (["--fields", "sumary"], "--fields sumary is none of script, summary, title, all"),
        (["--split", "publishd"], "--split publishd is none of random, published"),
        (["tfidf"], "no model 'tfidf' of films; did you mean 'tfidf-logistic'"),
        (["--source", "local"], "--source local needs --path"),
        (["--source", "bundled", "--fields", "title"], "bundled films have features of"),
        (
            ["--source", "bundled", "--embeddings-column", "e5"],
            "bundled films have no such columns",
        ),
    ],
)
def test_what_does_not_fit_is_an_error_of_one_line(call, root, options, message, monkeypatch):
    monkeypatch.chdir(root)
    result = call(*options)
    assert result.exit_code == 2, result.output
    assert message in result.stderr and len(result.stderr.splitlines()) == 1
