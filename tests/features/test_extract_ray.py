import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest

from tests.features import interrupted_extract_ray
from tests.features.scripts import QUICK, script
from wholescript.data.films import load_corpus
from wholescript.errors import ParameterError
from wholescript.features.build import build_features
from wholescript.features.extract import (
    FilmExtractor,
    extract_records,
    record_path,
    save_record,
    sha1_of,
)
from wholescript.files import ROOT

pytest.importorskip("ray", reason="run `pip install --no-deps -r requirements-cluster.lock`")
pytestmark = pytest.mark.usefixtures("encoder_packages")

from wholescript.features.extract_ray import extract_records_on_ray  # noqa: E402


@pytest.fixture
def corpus(tmp_path):
    films = pd.DataFrame(
        {
            "film_id": [f"tt{number}" for number in range(8)],
            "title": "A film",
            "year": 2000,
            "text": [script(number, 100 + 200 * number) for number in range(8)],
            "nominated_for_writing": [number % 2 == 0 for number in range(8)],
        }
    )
    films.to_parquet(tmp_path / "films.parquet")
    return load_corpus("local", tmp_path / "films.parquet")


def extract_here(texts, folder):
    """Store the records of texts without another process."""
    extract = FilmExtractor(QUICK)
    folder.mkdir(exist_ok=True)
    for film_id, text in texts:
        save_record(record_path(folder, film_id), extract(text), sha1_of(text))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def modification_times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.safetensors")}


@pytest.mark.slow
def test_two_nodes_give_the_same_bytes_as_one_machine(two_nodes, corpus, tmp_path):
    engines = {
        "local": partial(extract_records, workers=1),
        "ray": partial(extract_records_on_ray, address=two_nodes),
    }
    for name, extract in engines.items():
        folder = tmp_path / name
        build_features(
            corpus, folder / "data", QUICK, cache=folder / "cache", extract=extract, progress=False
        )
    found, expected = contents(tmp_path / "ray"), contents(tmp_path / "local")
    assert len(expected) == len(corpus) + len(list((tmp_path / "local" / "data").iterdir()))
    assert found == expected


def test_only_missing_films_are_submitted(two_nodes, tmp_path):
    texts = {f"film{number}": script(number, 60) for number in range(3)}
    extract_here(list(texts.items())[:2], tmp_path)
    before = modification_times(tmp_path)
    found = extract_records_on_ray(
        texts.items(), tmp_path, QUICK, progress=False, address=two_nodes
    )
    assert found == {film_id: sha1_of(text) for film_id, text in texts.items()}
    after = modification_times(tmp_path)
    assert len(after) == 3
    assert before.items() < after.items()
    # When no film is missing, no cluster is contacted.
    address = "an invalid address"
    again = extract_records_on_ray(texts.items(), tmp_path, QUICK, progress=False, address=address)
    assert again == found


def test_error_on_a_node_is_raised(two_nodes, tmp_path):
    settings = replace(QUICK, n_layer=9)
    texts = [("a", "text")]
    with pytest.raises(ParameterError) as raised:
        extract_records_on_ray(texts, tmp_path, settings, progress=False, address=two_nodes)
    assert str(raised.value) == "n_layer=9: the encoder has 6 layers"


@pytest.mark.slow
def test_killed_extraction_can_be_continued_with_extract_records(tmp_path):
    killed, complete = tmp_path / "killed", tmp_path / "complete"
    command = [sys.executable, "-m", interrupted_extract_ray.__name__, str(killed)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        while len(modification_times(killed)) < 2:
            assert child.poll() is None
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
    cached = modification_times(killed)
    texts = interrupted_extract_ray.TEXTS
    assert 2 <= len(cached) < len(texts)
    extract_records(texts.items(), killed, QUICK, workers=1, progress=False)
    extract_here(texts.items(), complete)
    assert cached.items() < modification_times(killed).items()
    assert contents(killed).keys() >= contents(complete).keys()
    assert all(contents(killed)[name] == content for name, content in contents(complete).items())
