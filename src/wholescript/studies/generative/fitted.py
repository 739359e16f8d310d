"""Language models of classes, trained: what one reads, and what Bayes' rule makes of all."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wholescript.data.labelled.guards import check_texts
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.causal_lm import CausalLM
from wholescript.training.documents import IntArray
from wholescript.training.language_model import token_log_probabilities, windows
from wholescript.training.loop import HistoryRow

LOG_LIKELIHOODS_FILE = "likelihoods.jsonl"
TEXTS_PER_FLUSH = 256  # texts whose scores are kept together

TokenizeFn = Callable[[Sequence[str]], list[IntArray]]


class ClassLanguageModel(NamedTuple):
    """A language model, and what turns texts into its tokens and back.

    `prefix` stands before every text, to be read and not to be scored: a mark, or a prompt.
    `tokenize` puts the mark `end` behind a text; that number also pads.
    """

    model: CausalLM
    tokenize: TokenizeFn
    decode: Callable[[IntArray], str]
    prefix: IntArray
    end: int

    def windows(self, texts: Sequence[str], length: int) -> list[IntArray]:
        """Cut texts into windows of at most `length` tokens, each behind the opening."""
        before, last = self.prefix[:-1], self.prefix[-1:]
        tokens = [np.concatenate([last, ids]) for ids in self.tokenize(texts)]
        return [np.concatenate([before, ids]) for ids in windows(tokens, length - len(before))]


@dataclass
class FittedGenerative:
    """A language model for each class. `history` has a row an epoch, all of one class first."""

    class_lms: list[ClassLanguageModel]
    rule: BayesRule
    context: int
    bfloat16: bool
    scored: Path | None = None
    history: list[HistoryRow] = field(default_factory=list)
    best_epoch: int = 0
    extra_metrics: dict[str, float] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, int]:
        """How many numbers there are, in all models and trained."""
        models = [class_lm.model for class_lm in self.class_lms]
        counts = [(p.numel(), p.requires_grad) for model in models for p in model.parameters()]
        return {
            "parameters": sum(count for count, _ in counts),
            "trained_parameters": sum(count for count, trained in counts if trained),
        }

    def uncached(self) -> "FittedGenerative":
        """Return it without the scores that it keeps."""
        return replace(self, scored=None)

    def log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-likelihood of each whole text under each class, (n, classes), in nats.

        What was scored before is read from the file `scored`, and what is scored now added to it.

        Raises:
            DataError: there is no text, or an empty one.
        """
        check_texts(texts)
        names = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
        known = _read_cached_log_likelihoods(self.scored)
        missing = [row for row, name in enumerate(names) if name not in known]
        for start in range(0, len(missing), TEXTS_PER_FLUSH):
            rows = missing[start : start + TEXTS_PER_FLUSH]
            found = self._log_likelihoods([texts[row] for row in rows])
            lines = {names[row]: values.tolist() for row, values in zip(rows, found, strict=True)}
            known |= lines
            if self.scored:
                with self.scored.open("a", encoding="utf-8") as file:
                    file.writelines(f"{json.dumps(line)}\n" for line in lines.items())
        return np.array([known[name] for name in names])

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes)."""
        return self.rule.posterior(log_likelihoods)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the probabilities of the classes, (n, classes)."""
        return self.posterior(self.log_likelihoods(texts))

    def token_log_probs(self, text: str) -> tuple[list[str], NDArray[np.float32]]:
        """Return the tokens of a text, and the log-probability of each, (tokens + 1, classes).

        The last row is of the end of the text.
        """
        columns = [self._token_log_probs(class_lm, [text])[0] for class_lm in self.class_lms]
        class_lm = self.class_lms[0]
        tokens = class_lm.tokenize([text])[0][:-1]
        return [class_lm.decode(tokens[i : i + 1]) for i in range(len(tokens))], np.stack(
            columns, 1
        )

    def _log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        columns = [
            [float(row.astype(np.float64).sum()) for row in self._token_log_probs(class_lm, texts)]
            for class_lm in self.class_lms
        ]
        return np.array(columns).T

    def _token_log_probs(
        self, class_lm: ClassLanguageModel, texts: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        scored = token_log_probabilities(
            class_lm.model,
            [np.concatenate([class_lm.prefix, ids]) for ids in class_lm.tokenize(texts)],
            context=self.context,
            pad_token_id=class_lm.end,
            bfloat16=self.bfloat16,
        )
        return [row[len(class_lm.prefix) - 1 :] for row in scored]


def _read_cached_log_likelihoods(path: Path | None) -> dict[str, list[float]]:
    """Return what was scored, by the hash of the text; a line that a kill cut off is none."""
    if path is None or not path.exists():
        return {}
    known = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            name, values = json.loads(line)
            known[name] = values
    return known
