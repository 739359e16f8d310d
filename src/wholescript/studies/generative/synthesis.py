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

from wholescript.data.labelled.overlap import WordRuns
from wholescript.errors import DataError, ParameterError
from wholescript.files import write_atomic
from wholescript.models.causal_lm import CausalLM
from wholescript.studies.generative.fitted import FittedGenerative, Reader
from wholescript.training.documents import IntArray
from wholescript.training.loop import epoch_seed

HOPELESS = 500  # texts in a row of which none was kept


@dataclass(frozen=True)
class Sampling:
    """How to write: each token is drawn among the likeliest ones that together have `top_p`.

    Their log-odds are divided by `temperature`: below 1 the likelier gain. A text ends where its
    model ends it, or after `longest` tokens; below `shortest` words it is left out.
    """

    temperature: float = 1.0
    top_p: float = 0.95
    longest: int = 400
    shortest: int = 20
    batch_size: int = 32

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if self.temperature <= 0 or not 0 < self.top_p <= 1:
            raise ParameterError(
                f"temperature={self.temperature} must be positive and top_p={self.top_p} in (0, 1]"
            )
        if self.batch_size < 1 or not 1 <= self.shortest <= self.longest:
            raise ParameterError(
                f"batch_size={self.batch_size} must be at least 1, and shortest={self.shortest} "
                f"words between 1 and longest={self.longest} tokens"
            )


@dataclass(frozen=True)
class Written:
    """`texts` with their `labels`, and how many of each class were left out, by the reason."""

    texts: list[str]
    labels: list[int]
    counts: dict[str, int]


def write_texts(
    fitted: FittedGenerative,
    per_class: int,
    real: WordRuns,
    sampling: Sampling,
    folder: Path,
    *,
    seed: int = 0,
    progress: bool = False,
) -> Written:
    """Let the model of each class write `per_class` texts that share no run of words with `real`.

    Every batch is kept as it is written, in `folder`, and drawn with a seed of its own: a killed
    call goes on, to the same texts.

    Raises:
        ParameterError: fewer than one text is asked for.
        DataError: a model writes nothing that can be kept.
    """
    if per_class < 1:
        raise ParameterError(f"per_class={per_class}: ask for one text of each class at least")
    folder.mkdir(parents=True, exist_ok=True)
    counts = dict.fromkeys(("drawn", "short", "repeated", "copied"), 0)
    texts, labels, seen = list[str](), list[int](), set[str]()
    with tqdm(total=per_class * len(fitted.readers), unit="text", disable=not progress) as bar:
        for label, reader in enumerate(fitted.readers):
            kept, refused = 0, 0
            drafts = _drafts(reader, fitted.bfloat16, real, sampling, folder, (seed, label))
            for draft, copied in drafts:
                counts["drawn"] += 1
                same = " ".join(draft.casefold().split())
                fault = _fault(draft, copied, same in seen, sampling)
                if fault:
                    counts[fault] += 1
                    refused += 1
                else:
                    seen.add(same)
                    texts.append(draft)
                    labels.append(label)
                    kept, refused = kept + 1, 0
                    bar.update()
                if kept == per_class:
                    break
                if refused == HOPELESS:
                    raise DataError(
                        f"of {HOPELESS} texts in a row that the model of class {label} wrote none "
                        f"can be kept ({counts}): train it longer, or lower "
                        f"shortest={sampling.shortest}"
                    )
    return Written(texts, labels, counts)


def _fault(draft: str, copied: bool, repeated: bool, sampling: Sampling) -> str:
    if len(draft.split()) < sampling.shortest:
        return "short"
    return "repeated" if repeated else "copied" if copied else ""


def _drafts(
    reader: Reader,
    bfloat16: bool,
    real: WordRuns,
    sampling: Sampling,
    folder: Path,
    seed: tuple[int, int],
) -> Iterator[tuple[str, bool]]:
    """Yield what a model writes, and whether it copies a real text, without end."""
    model = None
    for batch in count():
        path = folder / f"{seed[1]}-{batch}.json"
        if not path.exists():
            model = _writer(reader.model, bfloat16) if model is None else model
            drafts = _draw(model, reader, sampling, epoch_seed(*seed, batch))
            write_atomic(path, json.dumps(drafts))
        drafts = json.loads(path.read_text(encoding="utf-8"))
        yield from zip(drafts, real.shared(drafts).tolist(), strict=True)


def _writer(model: CausalLM, bfloat16: bool) -> Any:
    """Return a copy that writes faster: adapters merged, weights in half precision if asked."""
    copied = copy.deepcopy(model).eval()
    if hasattr(copied.base, "merge_adapter"):
        copied.base.merge_adapter()
    return copied.model.to(torch.bfloat16) if bfloat16 else copied.model


@torch.inference_mode()
def _draw(model: Any, reader: Reader, sampling: Sampling, seed: int) -> list[str]:
    torch.manual_seed(seed)
    mark = reader.end
    opening = torch.from_numpy(reader.opening).to(model.device).repeat(sampling.batch_size, 1)
    ids = model.generate(
        opening,
        attention_mask=torch.ones_like(opening),
        do_sample=True,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=0,
        max_new_tokens=sampling.longest,
        eos_token_id=mark,
        pad_token_id=mark,
    )
    rows = ids[:, opening.shape[1] :].cpu().numpy()
    return [reader.decode(row[: _end(row, mark)]).strip() for row in rows]


def _end(row: IntArray, mark: int) -> int:
    ends = np.flatnonzero(row == mark)
    return int(ends[0]) if len(ends) else len(row)
