"""Texts that trained models of language write, of each class, to be learned from in turn.

What is too short, what stands there already, and what repeats a real text is left out and counted.
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
from wholescript.errors import DataError, ParameterError
from wholescript.files import write_atomic
from wholescript.models.causal_lm import CausalLM
from wholescript.studies.generative.fitted import ClassLanguageModel, FittedGenerative
from wholescript.training.documents import IntArray
from wholescript.training.loop import derive_seed

MAX_CONSECUTIVE_REJECTIONS = 500  # texts in a row of which none was kept


@dataclass(frozen=True)
class SamplingConfig:
    """How to write: each token is drawn among the likeliest ones that together have `top_p`.

    Their log-odds are divided by `temperature`: below 1 the likelier gain. A text ends where its
    model ends it, or after `max_tokens` tokens; below `min_words` words it is left out.
    """

    temperature: float = 1.0
    top_p: float = 0.95
    max_tokens: int = 400
    min_words: int = 20
    batch_size: int = 32

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.temperature <= 0 or not 0 < self.top_p <= 1:
            raise ParameterError(
                f"temperature={self.temperature} must be positive and top_p={self.top_p} in (0, 1]"
            )
        if self.batch_size < 1 or not 1 <= self.min_words <= self.max_tokens:
            raise ParameterError(
                f"batch_size={self.batch_size} must be at least 1, and min_words={self.min_words} "
                f"words between 1 and max_tokens={self.max_tokens} tokens"
            )


@dataclass(frozen=True)
class SyntheticDocuments:
    """`texts` with their `labels`, and how many of each class were left out, by the reason."""

    texts: list[str]
    labels: list[int]
    counts: dict[str, int]


def generate_documents(
    fitted: FittedGenerative,
    n_per_class: int,
    real: NgramIndex,
    sampling: SamplingConfig,
    folder: Path,
    *,
    seed: int = 0,
    progress: bool = False,
) -> SyntheticDocuments:
    """Let the model of each class write `n_per_class` texts that share no run of words with `real`.

    Every batch is kept as it is written, in `folder`, and drawn with a seed of its own: a killed
    call goes on, to the same texts.

    Raises:
        ParameterError: fewer than one text is asked for.
        DataError: a model writes nothing that can be kept.
    """
    if n_per_class < 1:
        raise ParameterError(f"n_per_class={n_per_class}: ask for one text of each class at least")
    folder.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(("drawn", "short", "repeated", "copied"), 0)
    texts, labels, seen = list[str](), list[int](), set[str]()
    with tqdm(total=n_per_class * len(fitted.class_lms), unit="text", disable=not progress) as bar:
        for label, class_lm in enumerate(fitted.class_lms):
            kept, n_rejected = 0, 0
            drafts = _generate_batches(
                class_lm, fitted.bfloat16, real, sampling, folder, (seed, label)
            )
            for draft, copied in drafts:
                counts["drawn"] += 1
                same = " ".join(draft.casefold().split())
                fault = _rejection_reason(draft, copied, same in seen, sampling)
                if fault:
                    counts[fault] += 1
                    n_rejected += 1
                else:
                    seen.add(same)
                    texts.append(draft)
                    labels.append(label)
                    kept, n_rejected = kept + 1, 0
                    bar.update()
                if kept == n_per_class:
                    break
                if n_rejected == MAX_CONSECUTIVE_REJECTIONS:
                    raise DataError(
                        f"of {MAX_CONSECUTIVE_REJECTIONS} texts in a row that the model of class {label} wrote none "
                        f"can be kept ({counts}): train it longer, or lower "
                        f"min_words={sampling.min_words}"
                    )
    return SyntheticDocuments(texts, labels, counts)


def _rejection_reason(draft: str, copied: bool, repeated: bool, sampling: SamplingConfig) -> str:
    if len(draft.split()) < sampling.min_words:
        return "short"
    return "repeated" if repeated else "copied" if copied else ""


def _generate_batches(
    class_lm: ClassLanguageModel,
    bfloat16: bool,
    real: NgramIndex,
    sampling: SamplingConfig,
    folder: Path,
    seed: tuple[int, int],
) -> Iterator[tuple[str, bool]]:
    """Yield what a model writes, and whether it copies a real text, without end."""
    model = None
    for batch in count():
        path = folder / f"{seed[1]}-{batch}.json"
        if not path.exists():
            model = _copy_for_generation(class_lm.model, bfloat16) if model is None else model
            drafts = _generate(model, class_lm, sampling, derive_seed(*seed, batch))
            write_atomic(path, json.dumps(drafts))
        drafts = json.loads(path.read_text(encoding="utf-8"))
        yield from zip(drafts, real.shared(drafts).tolist(), strict=True)


def _copy_for_generation(model: CausalLM, bfloat16: bool) -> Any:
    """Return a copy that writes faster: adapters merged, weights in half precision if asked."""
    copied = copy.deepcopy(model).eval()
    if hasattr(copied.base, "merge_adapter"):
        copied.base.merge_adapter()
    return copied.model.to(torch.bfloat16) if bfloat16 else copied.model


@torch.inference_mode()
def _generate(
    model: Any, class_lm: ClassLanguageModel, sampling: SamplingConfig, seed: int
) -> list[str]:
    torch.manual_seed(seed)
    eos_token_id = class_lm.end
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
