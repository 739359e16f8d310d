"""All runs of a group in few files: nothing is lost, mixed or half written."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from wholescript.errors import RunError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.evaluation.film_predictions import FilmPredictions
from wholescript.experiments import group
from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore

CLASSES = ["no", "unused", "yes"]


def documents(seed: int, confidence: bool = True) -> DocumentPredictions:
    rng = np.random.default_rng(seed)
    labels, predicted = np.arange(20) % 2 * 2, rng.integers(0, 3, 20)
    ids = [f"document {i}" for i in range(20)]
    probability = rng.uniform(0.5, 1, 20) if confidence else None
    return DocumentPredictions.from_predicted_labels(ids, CLASSES, labels, predicted, probability)


def save(store: RunStore, seed: int, name: str = "", version: int = 1) -> Run:
    """Store one of four runs that differ in all they have; another version in all its content."""
    content = seed + 10 * (version - 1)
    histories = [
        {"epoch": [1, 2], "val_loss": [0.5 + content, None], "note": [None, None]},
        {"class": ['a "b"', "c,\nd"], "epoch": [1, content]},
        {},
        {"val_loss": [1 / 3], "epoch": [1.0 + content]},
    ]
    return store.save(
        name or f"g/run{seed}",
        RunIdentity("measurement", version, {"seed": seed}, {"fingerprint": "same"}),
        {"auc": Metric(content / 7, 0.1, tolerance=0.01)},
        metadata={"device": "cpu", "commit": "abc", "best_epoch": content},
        predictions=documents(content, confidence=seed != 1) if seed != 2 else None,
        val_predictions=documents(100 + content) if seed == 3 else None,
        history=pd.DataFrame(histories[seed]),
    )


def content(run: Run | None) -> object:
    """Return all that a run stores, comparable; None for no run."""
    if run is None:
        return None
    kinds = [run.predictions] if run.has_predictions(DocumentPredictions) else []
    kinds += [run.val_predictions] if run.name == "g/run3" else []
    tables = [read(DocumentPredictions).to_frame().to_csv() for read in kinds]
    return run.config, run.metrics, tables, run.history.to_csv(), run.history.dtypes.to_dict()


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "g").iterdir()}


def test_runs_are_read_as_they_were_stored(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    runs = [save(store, seed) for seed in range(4)]
    assert store.names() == [f"g/run{seed}" for seed in range(4)]
    assert store.names(DocumentPredictions) == ["g/run0", "g/run1", "g/run3"]
    assert [store.find(run.name) for run in runs] == runs
    assert store.find("g/run0", RunIdentity("measurement", 1, {"seed": 1}, {})) is None
    assert runs[3].metrics == {"auc": Metric(0.428571, 0.1, None, 0.01)}
    assert runs[3].config["best_epoch"] == 3
    read = runs[1].predictions(DocumentPredictions)
    assert read.to_frame().equals(documents(1, confidence=False).to_frame())
    assert read.classes == CLASSES and "log_odds" not in read.to_frame()
    assert runs[3].val_predictions(DocumentPredictions).predicted.tolist() == (
        documents(103).predicted.tolist()
    )
    assert runs[0].history.columns.tolist() == ["epoch", "val_loss", "note"]
    assert runs[1].history.to_dict("list") == {"class": ['a "b"', "c,\nd"], "epoch": [1, 1]}
    assert runs[2].history.empty
    assert runs[3].history.to_dict("list") == {"val_loss": [0.333333], "epoch": [4.0]}


def test_a_group_has_few_files_and_its_runs_a_row_group_each(tmp_path: Path) -> None:
    for seed in range(4):
        save(RunStore(tmp_path), seed)
    assert sorted(files(tmp_path)) == [
        "histories.csv", "predictions.parquet", "runs.json", "val_predictions.parquet",
    ]  # fmt: skip
    assert pq.ParquetFile(tmp_path / "g" / "predictions.parquet").num_row_groups == 3
    table = pq.read_table(tmp_path / "g" / "predictions.parquet", filters=[("run", "=", "run3")])
    assert len(table) == 20
    stored = json.loads((tmp_path / "g" / "runs.json").read_text())
    assert stored["provenance"] == {"p1": {"commit": "abc", "device": "cpu"}}
    assert stored["data"] == {"d1": {"fingerprint": "same"}}


def test_the_same_runs_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    a, b = tmp_path / "a", tmp_path / "b"
    for seed in (0, 1, 2, 3):
        save(RunStore(a), seed)
    for seed in (3, 1, 0, 2):
        save(RunStore(b), seed, version=2)
    for seed in (2, 3, 0, 1, 3):
        save(RunStore(b), seed)
    assert files(a) == files(b)


def test_a_run_is_copied_between_stores(tmp_path: Path) -> None:
    a, b = RunStore(tmp_path / "a"), RunStore(tmp_path / "b")
    for seed in range(4):
        save(a, seed)
    for name in a.names():
        run = a.find(name)
        assert run is not None
        b.add(run)
    assert files(a.root) == files(b.root)


def test_metadata_changes_and_identity_does_not(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run, other = save(store, 0), save(store, 1)
    changed = store.annotate(run, {"commit": "def"})
    assert changed.config == run.config | {"commit": "def"}
    assert store.find("g/run1") == other
    with pytest.raises(RunError, match="settings identify a run"):
        store.annotate(run, {"settings": {}})
    with pytest.raises(RunError, match="cannot be called metrics"):
        store.save("g/n", RunIdentity("kind", 1, {}, {}), {}, metadata={"metrics": 1})


def _save_and_exit(root: Path, seed: int, version: int, n_writes: int, finish: bool) -> None:
    """Store a run, and exit before or after a write to a file."""
    written, count = group.write_atomic, 0

    def write(path: Path, text: bytes | str) -> None:
        nonlocal count
        count += 1
        if count == n_writes and not finish:
            os._exit(9)
        written(path, text)
        if count == n_writes:
            os._exit(9)

    group.write_atomic = write  # type: ignore[assignment]
    save(RunStore(root), seed, version=version)
    os._exit(0)


def _exit_code(target: Callable[..., None], *arguments: object) -> int | None:
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode


@pytest.mark.parametrize("replaced", [False, True])
def test_a_kill_leaves_the_old_or_the_new_run(tmp_path: Path, replaced: bool) -> None:
    start, end = tmp_path / "start", tmp_path / "end"
    for seed in (0, 1, *([3] if replaced else [])):
        save(RunStore(start), seed)
    shutil.copytree(start, end)
    save(RunStore(end), 3, version=2)
    before, after = (content(RunStore(root).find("g/run3")) for root in (start, end))
    others = [content(RunStore(start).find(f"g/run{seed}")) for seed in (0, 1)]
    states = []
    for n_writes in range(1, 20):
        for finish in (False, True):
            root = tmp_path / f"{n_writes}{finish}"
            shutil.copytree(start, root)
            code = _exit_code(_save_and_exit, root, 3, 2, n_writes, finish)
            found = content(RunStore(root).find("g/run3"))
            assert found in (before, after)
            states.append(found == after)
            assert [content(RunStore(root).find(f"g/run{seed}")) for seed in (0, 1)] == others
            save(RunStore(root), 3, version=2)  # resumes
            assert files(root) == files(end)
        if code == 0:
            break
    assert n_writes > 4 + 3 * replaced, "three tables and runs.json; three tables once more"
    assert states == sorted(states) and not states[0] and states[-1]


def _save_many(root: Path, process: int) -> None:
    for i in range(5):
        save(RunStore(root), i % 4, name=f"g/process{process}-{i}")


def test_processes_that_store_runs_at_the_same_time_lose_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_save_many, args=(tmp_path, i)) for i in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    store = RunStore(tmp_path)
    assert store.names() == sorted(f"g/process{p}-{i}" for p in range(3) for i in range(5))
    for name in store.names(DocumentPredictions):
        run = store.find(name)
        assert run is not None
        assert len(run.predictions(DocumentPredictions).ids) == 20


def test_missing_and_damaged_predictions_are_errors(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    run = save(store, 0)
    with pytest.raises(RunError, match="run g/run0 stores no film_predictions"):
        run.predictions(FilmPredictions)
    with pytest.raises(RunError, match="no predictions on validation"):
        run.val_predictions(DocumentPredictions)
    path = tmp_path / "g" / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(RunError, match=r"cannot read g/predictions\.parquet"):
        run.predictions(DocumentPredictions)
    path.unlink()
    with pytest.raises(RunError, match=r"cannot read g/predictions\.parquet"):
        run.predictions(DocumentPredictions)


@pytest.mark.parametrize("name", ["name", "/name", "group/", "a/b/c", "../x"])
def test_name_without_exactly_one_group_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(RunError, match="<group>/<name>"):
        RunStore(tmp_path).find(name)
