"""Synthetic documents, sampled from trained class-conditional language models.

Documents that are too short, duplicates, or copied from a real document are rejected and counted.
The rest are stored as files that training reads.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from tqdm import tqdm

from wholescript.data.labelled import LabelledDataset
from wholescript.data.labelled.overlap import NgramIndex
from wholescript.data.tables import read_jsonl
from wholescript.errors import DataError, ParameterError, RunError
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.load import load_trained_run
from wholescript.experiments.documents.study import DocumentStudy
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.experiment import run as execute
from wholescript.experiments.key import RunIdentity, hash_json
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.stored import StoredDataset
from wholescript.experiments.workspace import Workspace, current_workspace
from wholescript.files import write_atomic
from wholescript.models.causal_lm import CausalLM
from wholescript.settings import PositiveInt, Seed, check, checked
from wholescript.studies.generative.fitted_class_lm import ClassLanguageModel, FittedGenerative
from wholescript.studies.generative.settings import SamplingConfig
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.seeds import derive_seed

SYNTHETIC_FILE, METADATA_FILE = "synthetic.jsonl", "synthetic.json"
STUDY_SAMPLING = SamplingConfig(temperature=0.9, max_tokens=256)
SHORTEST = 0.1  # quantile of the lengths of training texts
MAX_CONSECUTIVE_REJECTIONS = 500  # documents of one class before generation fails


@dataclass(frozen=True)
class SyntheticDocuments:
    """Documents, their class indices, and `counts` of generated and rejected documents."""

    texts: list[str]
    labels: list[int]
    counts: dict[str, int]


@checked
def generate_documents(
    fitted: FittedGenerative,
    n_per_class: PositiveInt,
    real_ngrams: NgramIndex,
    sampling: SamplingConfig,
    folder: Path,
    *,
    seed: Seed = 0,
    progress: bool = False,
) -> SyntheticDocuments:
    """Sample `n_per_class` documents of each class that share no n-gram with `real_ngrams`.

    Each batch is sampled with its own seed and stored in `folder`: a killed call resumes and ends
    with the same documents.

    Raises:
        ParameterError: `n_per_class` is below 1.
        DataError: too many consecutive documents of a class are rejected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(("n_generated", "n_too_short", "n_duplicates", "n_copied"), 0)
    texts, labels, seen = list[str](), list[int](), set[str]()
    with tqdm(
        total=n_per_class * len(fitted.class_lms), unit="document", disable=not progress
    ) as bar:
        for label, class_lm in enumerate(fitted.class_lms):
            n_kept, n_rejected = 0, 0
            drafts = _generate_batches(
                class_lm, fitted.bfloat16, real_ngrams, sampling, folder, (seed, label)
            )
            for draft, copied in drafts:
                counts["n_generated"] += 1
                normalized = " ".join(draft.casefold().split())
                reason = _rejection_reason(draft, copied, normalized in seen, sampling)
                if reason:
                    counts[reason] += 1
                    n_rejected += 1
                else:
                    seen.add(normalized)
                    texts.append(draft)
                    labels.append(label)
                    n_kept, n_rejected = n_kept + 1, 0
                    bar.update()
                if n_kept == n_per_class:
                    break
                if n_rejected == MAX_CONSECUTIVE_REJECTIONS:
                    raise DataError(
                        f"{MAX_CONSECUTIVE_REJECTIONS} consecutive documents of class {label} were "
                        f"rejected ({counts}): train the model longer, or lower "
                        f"min_words={sampling.min_words}"
                    )
    return SyntheticDocuments(texts, labels, counts)


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
    n_per_class: int
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    seed: int = 0

    def run_name(self, data: LabelledDataset) -> str:
        """Return `<run>-synthetic`."""
        return f"{self.run.name}-synthetic"

    def settings_for(self, data: LabelledDataset) -> dict[str, Any]:
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

    def checkpoint_key(self, identity: RunIdentity) -> str:
        """Return a key without the number of documents: a larger number reuses the same drafts."""
        settings = {k: v for k, v in identity.settings.items() if k != "n_per_class"}
        return hash_json([settings, identity.data])

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Sample documents, reject unusable ones, and write the others.

        Raises:
            RunError: the run has no transformer per class, or its weights are not on this computer.
            DataError: too many consecutive documents of a class are rejected.
        """
        fitted = load_trained_run(context.workspace.project, self.run)
        if not isinstance(fitted, FittedGenerative):
            raise RunError(f"{self.run.name} has no transformer per class to sample documents from")
        real_ngrams = NgramIndex.from_texts(
            text for split in data.splits.values() for text in split.texts
        )
        drafts = context.folder / "drafts"
        synthetic = generate_documents(
            fitted, self.n_per_class, real_ngrams, self.sampling, drafts, seed=self.seed,
            progress=context.progress,
        )  # fmt: skip
        lines = [
            json.dumps({"text": text, "label": label}, ensure_ascii=False)
            for text, label in zip(synthetic.texts, synthetic.labels, strict=True)
        ]
        write_atomic(context.folder / SYNTHETIC_FILE, "".join(f"{line}\n" for line in lines))
        metadata = {
            "name": self.run.name,
            "run": self.run.key,
            "fingerprint": data.fingerprint,
            "data_config": self.run.settings["data_config"],
            "counts": synthetic.counts,
            **self.settings_for(data),
        }
        write_atomic(context.folder / METADATA_FILE, json.dumps(metadata, indent=2))
        counts = synthetic.counts | {"n_kept": len(lines)}
        n_words = [len(text.split()) for text in synthetic.texts]
        # A carriage return would end a row of the table as CSV.
        texts = [text.replace("\r", " ") for text in synthetic.texts]
        documents = pd.DataFrame({"class": synthetic.labels, "text": texts})
        examples = documents.groupby("class").head(2).reset_index(drop=True)
        examples["class"] = [data.classes[label] for label in examples["class"]]
        return Outcome(
            {name: Metric(count) for name, count in counts.items()}
            | {"median_words": Metric(float(np.median(n_words)))},
            history=examples,
            metadata={"dataset": data.name, "scale": self.run.config["scale"]},
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
    synthesis = Synthesis(run, n_per_class, sampling, seed)
    identity = synthesis.identity(dataset)
    folder = workspace.checkpoints(synthesis.checkpoint_key(identity))
    # A stored run does not imply that the folder still has the documents: always execute.
    execute(synthesis, dataset, workspace, progress=progress, again=True)
    return folder


def study_synthesis(generator: Run, data: LabelledDataset | StoredDataset, n: int) -> Synthesis:
    """Return the synthesis of the study: `n` texts of each class by the model of a run.

    A text is at least as long as the shortest tenth of the training texts, or of 20 words.
    """
    sampling = STUDY_SAMPLING
    if isinstance(data, LabelledDataset):
        n_words = [len(text.split()) for text in data.splits["train"].texts]
        shortest = max(int(np.quantile(n_words, SHORTEST)), 1)
        sampling = replace(sampling, min_words=min(sampling.min_words, shortest))
    return Synthesis(generator, n, sampling)


def generate_for_training(
    generator: Run, dataset: LabelledDataset, data_config: DataConfig, n_per_class: int
) -> LabelledDocuments:
    """Return the texts that a run of `data_config` is trained on besides its real ones.

    `n_per_class` of each class are generated, `data_config.n_synthetic` of them are returned.

    Raises:
        RunError: the generator has no transformer per class, or its weights are gone.
        DataError: too many consecutive texts of a class are rejected.
    """
    workspace, synthesis = current_workspace(), study_synthesis(generator, dataset, n_per_class)
    folder = workspace.checkpoints(synthesis.checkpoint_key(synthesis.identity(dataset)))
    execute(synthesis, dataset, workspace, again=not (folder / SYNTHETIC_FILE).exists())
    return load_synthetic(folder, data_config.n_synthetic, dataset, data_config)


def synthesis_runs(study: DocumentStudy) -> list[Run]:
    """Return the runs of the syntheses whose texts the study has trained on, one per generator."""
    made = [
        study.run(study_synthesis(generator, study.main, n))
        for generator, n in study.generators.values()
    ]
    return [run for run in made if run is not None]


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
        texts_and_labels = [(str(row["text"]), int(row["label"])) for row in rows]
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
        of_class = [text for text, c in texts_and_labels if c == label]
        if len(of_class) < n_per_class:
            raise DataError(
                f"{folder} has {len(of_class)} documents of class {label}, not {n_per_class}: "
                "generate more with `wholescript data generate`"
            )
        texts += of_class[:n_per_class]
        labels += [label] * n_per_class
    return LabelledDocuments(texts, np.array(labels, np.int64), len(dataset.classes))


def _rejection_reason(draft: str, copied: bool, duplicate: bool, sampling: SamplingConfig) -> str:
    """Return the name of the count, or "" if the document is kept."""
    if len(draft.split()) < sampling.min_words:
        return "n_too_short"
    return "n_duplicates" if duplicate else "n_copied" if copied else ""


def _generate_batches(
    class_lm: ClassLanguageModel,
    bfloat16: bool,
    real_ngrams: NgramIndex,
    sampling: SamplingConfig,
    folder: Path,
    seed: tuple[int, int],
) -> Iterator[tuple[str, bool]]:
    """Yield sampled documents endlessly, each with whether it copies a real one."""
    model = None
    for batch in count():
        path = folder / f"{seed[1]}-{batch}.json"
        if not path.exists():
            model = _copy_for_generation(class_lm.model, bfloat16) if model is None else model
            drafts = _generate(model, class_lm, sampling, derive_seed(*seed, batch))
            write_atomic(path, json.dumps(drafts))
        drafts = json.loads(path.read_text(encoding="utf-8"))
        yield from zip(drafts, real_ngrams.contains_ngram_of(drafts).tolist(), strict=True)


def _copy_for_generation(model: CausalLM, bfloat16: bool) -> Any:
    """Return a copy for fast generation: adapters merged, weights in bfloat16 if set."""
    copied = copy.deepcopy(model).eval()
    if hasattr(copied.base, "merge_adapter"):
        copied.base.merge_adapter()
    return copied.model.to(torch.bfloat16) if bfloat16 else copied.model


@torch.inference_mode()
def _generate(
    model: Any, class_lm: ClassLanguageModel, sampling: SamplingConfig, seed: int
) -> list[str]:
    torch.manual_seed(seed)
    eos_token_id = class_lm.eos_token_id
    prefix = torch.from_numpy(class_lm.prefix).to(model.device).repeat(sampling.batch_size, 1)
    ids = model.generate(
        prefix,
        attention_mask=torch.ones_like(prefix),
        do_sample=True,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=0,
        max_new_tokens=sampling.max_tokens,
        eos_token_id=eos_token_id,
        pad_token_id=eos_token_id,
    )
    sampled = ids[:, prefix.shape[1] :].cpu().numpy()
    is_before_eos = np.cumsum(sampled == eos_token_id, axis=1) == 0
    return [
        class_lm.decode(row[kept]).strip() for row, kept in zip(sampled, is_before_eos, strict=True)
    ]
