"""Texts that trained models of language wrote, as files, to be learned from beside real ones."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from wholescript.data.textsets import TextSet
from wholescript.data.textsets.overlap import WordRuns
from wholescript.errors import DataError, RunError
from wholescript.files import write_atomic
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.trained import load_trained_run
from wholescript.training.readers import FittedGenerative
from wholescript.training.synthesis import Sampling, write_texts
from wholescript.training.text_classifiers import Labelled

TEXTS, NOTE = "written.jsonl", "written.json"


def write_synthetic(
    project: Project,
    run: Run,
    textset: TextSet,
    per_class: int,
    sampling: Sampling,
    *,
    seed: int = 0,
    progress: bool = False,
    store: RunStore | None = None,
) -> Path:
    """Let the models of a run write texts of each class; return the folder of them and of a note.

    None of them shares a run of 13 words with a text of train, validation or test. A killed call
    goes on. In a `store` the run `<run>-wrote` keeps what was left out, and the first texts.

    Raises:
        RunError: the run has no transformers of each class, or was trained on other texts.
        DataError: nothing that a model writes can be kept.
    """
    if run.config["data"] != textset.fingerprint:
        raise RunError(f"{run.name} was not trained on these texts of {textset.name}")
    fitted = load_trained_run(project, run)
    if not isinstance(fitted, FittedGenerative):
        raise RunError(f"{run.name} has no transformer of each class that could write")
    note = {"run": run.key, "sampling": asdict(sampling), "seed": seed}
    folder = project.build / "synthetic" / hash_json(note)[:16]
    real = WordRuns.of(text for split in textset.splits.values() for text in split.texts)
    written = write_texts(
        fitted, per_class, real, sampling, folder / "drafts", seed=seed, progress=progress
    )
    rows = zip(written.texts, written.labels, strict=True)
    lines = [json.dumps({"text": text, "label": label}, ensure_ascii=False) for text, label in rows]
    write_atomic(folder / TEXTS, "".join(f"{line}\n" for line in lines))
    facts = note | {"name": run.name, "per_class": per_class, "counts": written.counts}
    write_atomic(folder / NOTE, json.dumps(facts, indent=2))
    if store is not None:
        counts = written.counts | {"kept": len(lines)}
        lengths = [len(text.split()) for text in written.texts]
        shown = [
            label * per_class + row
            for label in range(len(textset.classes))
            for row in range(min(2, per_class))
        ]
        store.save(
            f"{run.name}-wrote",
            note | {"key": hash_json(facts), "textset": textset.name, "scale": run.config["scale"]},
            {name: Metric(count) for name, count in counts.items()}
            | {"words": Metric(float(np.median(lengths)))},
            history=pd.DataFrame(
                {
                    "class": [textset.classes[written.labels[row]] for row in shown],
                    "text": [written.texts[row] for row in shown],
                }
            ),
        )
    return folder


def read_synthetic(folder: Path, per_class: int, classes: int) -> Labelled:
    """Return the first `per_class` texts of each class that `write_synthetic` wrote.

    Raises:
        DataError: the folder holds none, or too few of a class.
    """
    try:
        lines = (folder / TEXTS).read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
    except (OSError, ValueError) as problem:
        raise DataError(f"{folder} holds no written texts ({problem})") from None
    texts, labels = list[str](), list[int]()
    for label in range(classes):
        of_class = [row["text"] for row in rows if row["label"] == label]
        if len(of_class) < per_class:
            raise DataError(
                f"{folder} has {len(of_class)} texts of class {label}, {per_class} are asked for: "
                "`wholescript write` writes more"
            )
        texts += of_class[:per_class]
        labels += [label] * per_class
    return Labelled(texts, np.array(labels, np.int64), classes)
