"""Texts that trained models of language wrote, as files, to be learned from beside real ones."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from wholescript.data.labelled import LabelledDataset
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.data.labelled.tables import read_jsonl
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.load import load_trained_run
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.experiment import run as execute
from wholescript.experiments.key import Identity, hash_json
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import Workspace
from wholescript.files import write_atomic
from wholescript.studies.generative.fitted import FittedGenerative
from wholescript.studies.generative.synthesis import SamplingConfig, generate_documents
from wholescript.training.document_classifier import LabelledDocuments

SYNTHETIC_FILE, METADATA_FILE = "written.jsonl", "written.json"


@dataclass(frozen=True)
class Synthesis(Experiment[LabelledDataset]):
    """Documents of each class that the language models of `run` generate.

    None of them shares 13 consecutive words with a document of train, validation or test. They are
    written to `folder_of`, with a note; the run `<run>-wrote` keeps what was left out and why, and
    the first documents. A killed call resumes.
    """

    kind: ClassVar[str] = "synthesis"
    replaces: ClassVar[bool] = True

    run: Run
    fitted: FittedGenerative
    n_per_class: int
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 0

    def name_on(self, data: LabelledDataset) -> str:
        """Return `<run>-wrote`."""
        return f"{self.run.name}-wrote"

    def settings_on(self, data: LabelledDataset) -> dict[str, Any]:
        """Return how documents are sampled, how many of each class, and the seed."""
        return {
            "sampling": asdict(self.sampling),
            "per_class": self.n_per_class,
            "seed": self.seed,
        }

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the key of the run and the fingerprint of the set.

        Raises:
            RunError: the run was trained on other documents.
        """
        if self.run.data["fingerprint"] != data.fingerprint:
            raise RunError(f"{self.run.name} was not trained on these texts of {data.name}")
        return {"of": self.run.key, "fingerprint": data.fingerprint}

    def checkpoint_key(self, identity: Identity) -> str:
        """Return a key without the number of documents: more of them continue the same drafts."""
        settings = {k: v for k, v in identity.settings.items() if k != "per_class"}
        return hash_json([settings, identity.data])

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Sample, leave out what copies or fails, and write the rest.

        Raises:
            DataError: nothing that a model writes can be kept.
        """
        real = NgramIndex.of(text for split in data.splits.values() for text in split.texts)
        drafts = context.folder / "drafts"
        synthetic = generate_documents(
            self.fitted, self.n_per_class, real, self.sampling, drafts, seed=self.seed,
            progress=context.progress,
        )  # fmt: skip
        rows = zip(synthetic.texts, synthetic.labels, strict=True)
        lines = [json.dumps({"text": t, "label": label}, ensure_ascii=False) for t, label in rows]
        write_atomic(context.folder / SYNTHETIC_FILE, "".join(f"{line}\n" for line in lines))
        note = {
            "name": self.run.name,
            "run": self.run.key,
            "data": data.fingerprint,
            "training": self.run.settings["training"],
            "counts": synthetic.counts,
            **self.settings_on(data),
        }
        write_atomic(context.folder / METADATA_FILE, json.dumps(note, indent=2))
        counts = synthetic.counts | {"kept": len(lines)}
        lengths = [len(text.split()) for text in synthetic.texts]
        shown = [
            label * self.n_per_class + row
            for label in range(len(data.classes))
            for row in range(min(2, self.n_per_class))
        ]
        table = {
            "class": [data.classes[synthetic.labels[row]] for row in shown],
            "text": [synthetic.texts[row] for row in shown],
        }
        return Outcome(
            {name: Metric(count) for name, count in counts.items()}
            | {"words": Metric(float(np.median(lengths)))},
            history=pd.DataFrame(table),
            facts={"textset": data.name, "scale": self.run.config["scale"]},
        )


def generate_synthetic(
    workspace: Workspace,
    run: Run,
    dataset: LabelledDataset,
    n_per_class: int,
    sampling: SamplingConfig,
    *,
    seed: int = 0,
    progress: bool = False,
) -> Path:
    """Execute `Synthesis` and return the folder of the documents.

    Raises:
        RunError: the run has no transformers of each class, or was trained on other texts.
        DataError: nothing that a model writes can be kept.
    """
    fitted = load_trained_run(workspace.project, run)
    if not isinstance(fitted, FittedGenerative):
        raise RunError(f"{run.name} has no transformer of each class that could write")
    synthesis = Synthesis(run, fitted, n_per_class, sampling, seed)
    identity = synthesis.identity(dataset)
    folder = workspace.checkpoints(synthesis.checkpoint_key(identity))
    # The store keeps numbers only: the documents are in the folder, or have to be written again.
    execute(synthesis, dataset, workspace, progress=progress, again=True)
    return folder


def load_synthetic(
    folder: Path, n_per_class: int, dataset: LabelledDataset, training: DataConfig
) -> LabelledDocuments:
    """Return the first `n_per_class` texts of each class that `generate_synthetic` wrote.

    Raises:
        DataError: the folder holds none, or too few of a class.
        ParameterError: fewer than one is asked for; or their writer learned from other texts than
            `training` does, and would pass on what is not to be known.
    """
    if n_per_class < 1:
        raise ParameterError(f"added={n_per_class}: add one text of each class at least")
    try:
        note = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
        rows = read_jsonl((folder / SYNTHETIC_FILE).read_text(encoding="utf-8"), SYNTHETIC_FILE)
        found = [(str(row["text"]), int(row["label"])) for row in rows]
        generator_model = (note["data"], note["training"]["examples"], note["training"]["seed"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{folder} holds no written texts ({type(problem).__name__}: {problem}): "
            "`wholescript write` makes them, and says where"
        ) from None
    if generator_model[0] != dataset.fingerprint:
        raise ParameterError(
            f"the writer of {folder} learned from another set than {dataset.name}, or from one "
            "that was prepared otherwise: let a model of this one write"
        )
    if generator_model[1:] != (training.n_train, training.seed):
        raise ParameterError(
            f"the writer of {folder} learned from n_train={generator_model[1]} of seed={generator_model[2]}, here "
            f"are n_train={training.n_train} of seed={training.seed}: it would pass on other "
            "real texts; train with its number and seed"
        )
    texts, labels = list[str](), list[int]()
    for label in range(len(dataset.classes)):
        of_class = [text for text, of in found if of == label]
        if len(of_class) < n_per_class:
            raise DataError(
                f"{folder} has {len(of_class)} texts of class {label}, {n_per_class} are asked for: "
                "`wholescript write` writes more"
            )
        texts += of_class[:n_per_class]
        labels += [label] * n_per_class
    return LabelledDocuments(texts, np.array(labels, np.int64), len(dataset.classes))
