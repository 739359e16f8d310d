"""The published row of Movie-O-Label, from a folder like the hub's and a tiny encoder."""

from collections.abc import Callable
from pathlib import Path

import datasets
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score
from transformers import T5Config

from tests.shell import Result, shell
from tests.studies.screenplays.movie_o_label import movies, write_encoder, write_movies
from wholescript.data.films import HUB_NAME, HUB_REVISION
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments.store import RunStore
from wholescript.features import text_encoders
from wholescript.features.text_encoders import TextEncoderConfig
from wholescript.project import ROOT_VARIABLE
from wholescript.studies.screenplays.movie_o_label import PUBLISHED, load_movie_o_label

RUN = "movie-o-label/e5-logistic"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    write_movies(root / "movies")
    write_encoder(root / "tiny")
    return root


@pytest.fixture(scope="module")
def call(root: Path) -> Callable[..., Result]:
    """Run `evaluate movie-o-label` with the tiny encoder, in a project and a cache of its own."""

    def call(*options: object) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(datasets.config, "HF_DATASETS_CACHE", root / "datasets")
            patch.setitem(load_movie_o_label.__kwdefaults__, "cache", root / "cache")
            command = ["evaluate", "movie-o-label"]
            if "--encoder" not in options:
                command += ["--encoder", root / "tiny"]
            command += ["--chunk-overlap", 2, "--device", "cpu", "--store", root / "results"]
            return shell([*command, *options], {ROOT_VARIABLE: str(root)})

    return call


@pytest.fixture(scope="module")
def done(root: Path, call: Callable[..., Result]) -> Result:
    result = call("--path", root / "movies")
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def stored(root: Path, done: Result):
    run = RunStore(root / "results").find(RUN)
    assert run is not None
    return run


def test_the_row_is_printed_beside_the_published_numbers(done: Result, stored) -> None:
    assert "Gross (2025), arXiv:2511.05500" in done.stdout
    assert "prefix 'query: '" in done.stdout
    assert "48 films for training, 16 for validation, 16 tested, 25.0% of these" in " ".join(
        done.stdout.split()
    )
    shown = {"auc": "AUROC", "average_precision": "average precision", "macro_f1": "macro-F1"}
    for name, published in PUBLISHED.metrics.items():
        metric = stored.metrics[name]
        row = next(line for line in done.stdout.splitlines() if f" {shown[name]} " in line)
        assert f"{metric.value:.3f}" in row and f"{published:g}" in row
        assert f"{metric.low:.3f} to {metric.high:.3f}" in row


def test_metrics_are_those_of_the_test_films_at_the_threshold_of_validation(stored) -> None:
    test, validation = (
        stored.predictions(FilmPredictions),
        stored.val_predictions(FilmPredictions),
    )
    table = movies().set_index("imdb_id")
    assert test.film_ids == table.index[64:].tolist()
    assert validation.film_ids == table.index[48:64].tolist()
    labels, scores = table["nominated"].iloc[64:].to_numpy(), test.probabilities[0]
    threshold = test.thresholds[0, 0]
    assert (test.thresholds == threshold).all() and (validation.thresholds == threshold).all()
    expected = {
        "auc": roc_auc_score(labels, scores),
        "average_precision": average_precision_score(labels, scores),
        "macro_f1": f1_score(labels, scores >= threshold, average="macro"),
    }
    for name, value in expected.items():
        assert stored.metrics[name].value == pytest.approx(value, abs=1e-5)
    assert expected["auc"] > 0.9
    on_validation = [
        f1_score(validation.labels, validation.probabilities[0] >= t, average="macro")
        for t in (threshold, *validation.probabilities[0])
    ]
    assert on_validation[0] == max(on_validation)


def test_the_run_records_encoder_prefix_and_fields(root: Path, stored) -> None:
    assert stored.config["experiment"] == "cross_validation"
    assert stored.settings["split"] == "published"
    assert stored.settings["config"]["model"] == "EmbeddingLR"
    config = TextEncoderConfig(encoder=str(root / "tiny"), chunk_overlap=2)
    assert stored.config["vectors"] == {
        "encoder": "tiny",
        "revision": text_encoders.encoder_identity(config)["revision"],
        "prefix": "query: ",
        "chunk_length": 512,
        "chunk_overlap": 2,
        "max_chunks": None,
        "fields": ["title", "summary", "script"],
    }
    assert str(root) not in str(stored.config)


def test_the_same_command_finds_the_run_and_another_prefix_needs_another_name(
    root: Path, call: Callable[..., Result], done: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(text_encoders, "load_text_encoder", None)  # all texts are in the cache
        again = call("--path", root / "movies")
    assert again.stdout == done.stdout
    other = call("--path", root / "movies", "--prefix", "passage: ")
    assert other.exit_code == 2 and "--name" in other.stderr
    named = call("--path", root / "movies", "--prefix", "passage: ", "--name", "passage")
    assert named.exit_code == 0 and "prefix 'passage: '" in named.stdout


def test_one_field_alone(root: Path, call: Callable[..., Result]) -> None:
    result = call("--path", root / "movies", "--fields", "title", "--name", "title")
    assert result.exit_code == 0, result.output
    assert "those of script + summary + title, not of the title alone" in result.stdout
    run = RunStore(root / "results").find("movie-o-label/title")
    assert run is not None and run.config["vectors"]["fields"] == ["title"]
    assert run.metrics["auc"].value < 0.9  # titles say nothing here


def test_without_a_path_the_hub_is_asked_at_the_pinned_revision(
    root: Path, call: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, load = [], datasets.load_dataset_builder

    def from_copy(name: str, subset: None, *, revision: str) -> datasets.DatasetBuilder:
        asked.append((name, revision))
        return load(str(root / "movies"))

    monkeypatch.setattr(datasets, "load_dataset_builder", from_copy)
    for options, revision in (((), HUB_REVISION), (("--revision", "main"), "main")):
        result = call("--name", f"hub-{revision}", *options)
        assert result.exit_code == 0, result.output
        assert asked.pop() == (HUB_NAME, revision)


def test_a_film_on_two_sides_of_the_split_is_told(root: Path, call: Callable[..., Result]) -> None:
    table = movies()
    table.loc[70, "script_clean"] = table.loc[2, "script_clean"] + " once more"
    table.loc[71, "imdb_id"] = table.loc[3, "imdb_id"]
    folder = write_movies(root / "leaking", table)
    result = call("--path", folder, "--max-chunks", 1, "--name", "leaking")
    assert result.exit_code == 0, result.output
    assert "2 of the 16 test films have a near duplicate" in " ".join(result.stdout.split())
    run = RunStore(root / "results").find("movie-o-label/leaking")
    assert run is not None
    assert run.config["test_films_with_duplicate_in_training"] == 2


def test_what_is_missing_is_said(root: Path, call: Callable[..., Result]) -> None:
    table = movies().drop(columns="summary")
    folder = write_movies(root / "no-summary", table)
    assert "no column 'summary'; it has movie_name" in call("--path", folder).stderr
    absent = call("--path", root / "absent")
    assert absent.exit_code == 2 and "absent cannot be loaded" in absent.stderr
    (root / "nothing").mkdir()
    bad = call("--path", root / "movies", "--encoder", root / "nothing")
    assert bad.exit_code == 2 and "Without a network give a folder" in bad.stderr
    unknown = call("--path", root / "absent", "--encoder", root / "gone")
    assert "gone at its main branch is no folder" in unknown.stderr  # before films are loaded
    T5Config(d_model=16, num_layers=1, num_heads=2, d_ff=16).save_pretrained(root / "t5")
    pair = call("--path", root / "absent", "--encoder", root / "t5")
    assert pair.exit_code == 2 and "has an encoder and a decoder" in " ".join(pair.stderr.split())


def test_help_says_that_it_needs_a_network_and_has_the_defaults_of_the_encoder() -> None:
    shown = " ".join(shell(["evaluate", "movie-o-label", "--help"]).stdout.split())
    assert "NEEDS A NETWORK" in shown and "Device of the encoder" in shown
    config = TextEncoderConfig()
    for value in (config.encoder, config.prefix.strip(), config.chunk_length, config.chunk_overlap):
        assert str(value) in shown
