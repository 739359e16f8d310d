"""Synthetic documents, sampled from trained class-conditional language models.

Documents that are too short, duplicates, or copied from a real document are rejected and counted.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tqdm.auto import tqdm

from wholescript.data.labelled.overlap import NgramIndex
from wholescript.errors import DataError
from wholescript.files import write_atomic
from wholescript.models.causal_lm import CausalLM
from wholescript.settings import PositiveInt, Seed, checked
from wholescript.studies.generative.fitted_class_lm import ClassLanguageModel, FittedGenerative
from wholescript.studies.generative.settings import SamplingConfig
from wholescript.training.document_batches import IntArray
from wholescript.training.seeds import derive_seed

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
    rows = ids[:, prefix.shape[1] :].cpu().numpy()
    return [class_lm.decode(row[: _length_before_eos(row, eos_token_id)]).strip() for row in rows]


def _length_before_eos(row: IntArray, eos_token_id: int) -> int:
    ends = np.flatnonzero(row == eos_token_id)
    return int(ends[0]) if len(ends) else len(row)
