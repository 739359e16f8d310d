"""Synthetic documents as an experiment and as files that training reads."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from wholescript.data.labelled import LabelledDataset
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.data.tables import read_jsonl
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
from wholescript.settings import PositiveInt, check
from wholescript.studies.generative.fitted_class_lm import FittedGenerative
from wholescript.studies.generative.synthesis import SamplingConfig, generate_documents
from wholescript.training.document_classifier import LabelledDocuments

SYNTHETIC_FILE, METADATA_FILE = "synthetic.jsonl", "synthetic.json"


@dataclass(frozen=True)
class Synthesis(Experiment[LabelledDataset]):
    """Documents of each class, sampled from the class-conditional language models of `run`.

    None of them shares 13 consecutive words with a document of train, validation or test. They are
    written to the folder of the checkpoints, with metadata. The run `<run>-synthetic` stores the
    counts of rejected documents and the first documents of each class. A killed call resumes.
    """

    kind: ClassVar[str] = "synthesis"
    replaces: ClassVar[bool] = True

    run: Run
    fitted: FittedGenerative
    n_per_class: int
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 0

    def name_on(self, data: LabelledDataset) -> str:
        """Return `<run>-synthetic`."""
        return f"{self.run.name}-synthetic"

    def settings_on(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the sampling configuration, the number of documents per class and the seed."""
        return {
            "sampling": asdict(self.sampling),
            "n_per_class": self.n_per_class,
            "seed": self.seed,
        }

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the key of the run and the fingerprint of the set.

        Raises:
            RunError: the run was trained on other documents.
        """
        if self.run.data["fingerprint"] != data.fingerprint:
            raise RunError(
                f"{self.run.name} was trained on other documents than those of {data.name}"
            )
        return {"run": self.run.key, "fingerprint": data.fingerprint}

    def checkpoint_key(self, identity: Identity) -> str:
        """Return a key without the number of documents: a larger number reuses the same drafts."""
        settings = {k: v for k, v in identity.settings.items() if k != "n_per_class"}
        return hash_json([settings, identity.data])

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Sample documents, reject unusable ones, and write the others.

        Raises:
            DataError: too many consecutive documents of a class are rejected.
        """
        real_ngrams = NgramIndex.from_texts(
            text for split in data.splits.values() for text in split.texts
        )
        drafts = context.folder / "drafts"
        synthetic = generate_documents(
            self.fitted, self.n_per_class, real_ngrams, self.sampling, drafts, seed=self.seed,
            progress=context.progress,
        )  # fmt: skip
        rows = zip(synthetic.texts, synthetic.labels, strict=True)
        lines = [json.dumps({"text": t, "label": label}, ensure_ascii=False) for t, label in rows]
        write_atomic(context.folder / SYNTHETIC_FILE, "".join(f"{line}\n" for line in lines))
        metadata = {
            "name": self.run.name,
            "run": self.run.key,
            "fingerprint": data.fingerprint,
            "data_config": self.run.settings["data_config"],
            "counts": synthetic.counts,
            **self.settings_on(data),
        }
        write_atomic(context.folder / METADATA_FILE, json.dumps(metadata, indent=2))
        counts = synthetic.counts | {"n_kept": len(lines)}
        n_words = [len(text.split()) for text in synthetic.texts]
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
            | {"median_words": Metric(float(np.median(n_words)))},
            history=pd.DataFrame(table),
            facts={"dataset": data.name, "scale": self.run.config["scale"]},
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
        RunError: the run has no transformer per class, or was trained on other documents.
        DataError: too many consecutive documents of a class are rejected.
    """
    fitted = load_trained_run(workspace.project, run)
    if not isinstance(fitted, FittedGenerative):
        raise RunError(f"{run.name} has no transformer per class to sample documents from")
    synthesis = Synthesis(run, fitted, n_per_class, sampling, seed)
    identity = synthesis.identity(dataset)
    folder = workspace.checkpoints(synthesis.checkpoint_key(identity))
    # A stored run does not imply that the folder still has the documents: always execute.
    execute(synthesis, dataset, workspace, progress=progress, again=True)
    return folder


def load_synthetic(
    folder: Path, n_per_class: int, dataset: LabelledDataset, data_config: DataConfig
) -> LabelledDocuments:
    """Return the first `n_per_class` documents of each class that `generate_synthetic` wrote.

    Raises:
        DataError: the folder holds none, or too few of a class.
        ParameterError: `n_per_class` is below 1, or the generator was trained on other documents
            than `data_config` selects, so that synthetic documents would leak them.
    """
    check("n_synthetic", n_per_class, PositiveInt)
    try:
        metadata = json.loads((folder / METADATA_FILE).read_text(encoding="utf-8"))
        rows = read_jsonl((folder / SYNTHETIC_FILE).read_text(encoding="utf-8"), SYNTHETIC_FILE)
        documents = [(str(row["text"]), int(row["label"])) for row in rows]
        fingerprint, generator = metadata["fingerprint"], metadata["data_config"]
        n_train, seed = generator["n_train"], generator["seed"]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{folder} holds no synthetic documents ({type(problem).__name__}: {problem}): make "
            "them with `wholescript data generate`, which prints their folder"
        ) from None
    if fingerprint != dataset.fingerprint:
        raise ParameterError(
            f"the generator of {folder} was trained on another data set than {dataset.name}, or on "
            "another preparation of it"
        )
    if (n_train, seed) != (data_config.n_train, data_config.seed):
        raise ParameterError(
            f"the generator of {folder} was trained with n_train={n_train} and seed={seed}, not "
            f"n_train={data_config.n_train} and seed={data_config.seed}: its documents would leak "
            "other training documents"
        )
    texts, labels = list[str](), list[int]()
    for label in range(len(dataset.classes)):
        of_class = [text for text, c in documents if c == label]
        if len(of_class) < n_per_class:
            raise DataError(
                f"{folder} has {len(of_class)} documents of class {label}, not {n_per_class}: "
                "generate more with `wholescript data generate`"
            )
        texts += of_class[:n_per_class]
        labels += [label] * n_per_class
    return LabelledDocuments(texts, np.array(labels, np.int64), len(dataset.classes))
