"""Texts that trained models of language wrote, as files, to be learned from beside real ones."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from wholescript.data.textsets import TextSet
from wholescript.data.textsets.overlap import WordRuns
from wholescript.data.textsets.tables import read_jsonl
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.files import write_atomic
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.draws import Training
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
    facts = note | {
        "name": run.name,
        "data": textset.fingerprint,
        "training": run.config["training"],
        "per_class": per_class,
        "counts": written.counts,
    }
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


def read_synthetic(folder: Path, per_class: int, textset: TextSet, training: Training) -> Labelled:
    """Return the first `per_class` texts of each class that `write_synthetic` wrote.

    Raises:
        DataError: the folder holds none, or too few of a class.
        ParameterError: fewer than one is asked for; or their writer learned from other texts than
            `training` does, and would pass on what is not to be known.
    """
    if per_class < 1:
        raise ParameterError(f"added={per_class}: add one text of each class at least")
    try:
        note = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        rows = read_jsonl((folder / TEXTS).read_text(encoding="utf-8"), TEXTS)
        found = [(str(row["text"]), int(row["label"])) for row in rows]
        writer = (note["data"], note["training"]["examples"], note["training"]["seed"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{folder} holds no written texts ({type(problem).__name__}: {problem}): "
            "`wholescript write` makes them, and says where"
        ) from None
    if writer[0] != textset.fingerprint:
        raise ParameterError(
            f"the writer of {folder} learned from another set than {textset.name}, or from one "
            "that was prepared otherwise: let a model of this one write"
        )
    if writer[1:] != (training.examples, training.seed):
        raise ParameterError(
            f"the writer of {folder} learned from examples={writer[1]} of seed={writer[2]}, here "
            f"are examples={training.examples} of seed={training.seed}: it would pass on other "
            "real texts; train with its number and seed"
        )
    texts, labels = list[str](), list[int]()
    for label in range(len(textset.classes)):
        of_class = [text for text, of in found if of == label]
        if len(of_class) < per_class:
            raise DataError(
                f"{folder} has {len(of_class)} texts of class {label}, {per_class} are asked for: "
                "`wholescript write` writes more"
            )
        texts += of_class[:per_class]
        labels += [label] * per_class
    return Labelled(texts, np.array(labels, np.int64), len(textset.classes))
