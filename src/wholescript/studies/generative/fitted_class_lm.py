"""Trained class-conditional language models: token scores and class probabilities."""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wholescript.data.checks import check_texts
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.causal_lm import CausalLM
from wholescript.models.types import IntArray
from wholescript.training.document_classifier import (
    LabelledDocuments,
    TokenizeFn,
    count_parameters,
)
from wholescript.training.loop import HistoryRow
from wholescript.training.windows import split_into_windows, token_log_probabilities

LOG_LIKELIHOODS_FILE = "likelihoods.jsonl"
DOCUMENTS_PER_FLUSH = 256  # documents between two writes of the cache


class ClassLanguageModel(NamedTuple):
    """The language model of one class and its tokenizer.

    `prefix` (n,) are the tokens before every document, which are not scored: `eos_token_id`, then a
    prompt if there is one. `tokenize` appends `eos_token_id` to a document; it is also the padding
    id.
    """

    model: CausalLM
    tokenize: TokenizeFn
    decode: Callable[[IntArray], str]
    prefix: IntArray
    eos_token_id: int

    def windows(self, texts: Sequence[str], length: int) -> list[IntArray]:
        """Split documents into windows of at most `length` tokens, each with the prefix."""
        prefix, last = self.prefix[:-1], self.prefix[-1:]
        tokens = [np.concatenate([last, ids]) for ids in self.tokenize(texts)]
        return [
            np.concatenate([prefix, ids])
            for ids in split_into_windows(tokens, length - len(prefix))
        ]


@dataclass
class FittedGenerative:
    """A language model per class. `history` has one row per epoch, class after class.

    Documents longer than `block_size` tokens are scored in overlapping windows. Log-likelihoods are
    cached in the file `log_likelihood_cache`, if one is given.
    """

    class_lms: list[ClassLanguageModel]
    rule: BayesRule
    block_size: int
    bfloat16: bool
    log_likelihood_cache: Path | None = None
    history: list[HistoryRow] = field(default_factory=list)
    best_epoch: int = 0
    extra_metrics: dict[str, float] = field(default_factory=dict)

    @property
    def parameter_counts(self) -> dict[str, int]:
        """The numbers of all and of trained parameters, summed over the classes."""
        return count_parameters(class_lm.model for class_lm in self.class_lms)

    def uncached(self) -> "FittedGenerative":
        """Return a copy without the cache of log-likelihoods."""
        return replace(self, log_likelihood_cache=None)

    def calibrate(self, validation: LabelledDocuments) -> None:
        """Calibrate Bayes' rule on validation documents; store its parameters as metrics."""
        likelihoods = self.log_likelihoods(validation.texts)
        self.rule = self.rule.calibrated(likelihoods, validation.labels)
        self.extra_metrics |= {
            "temperature": self.rule.temperature,
            "length_exponent": self.rule.length_exponent,
        }

    def log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Return the log-likelihood of each document under each class, (n, n_classes), in nats.

        Raises:
            DataError: there is no document, or an empty one.
        """
        check_texts(texts)
        hashes = [hashlib.sha256(text.encode()).hexdigest()[:16] for text in texts]
        cached = _read_cached_log_likelihoods(self.log_likelihood_cache)
        missing = [index for index, name in enumerate(hashes) if name not in cached]
        for start in range(0, len(missing), DOCUMENTS_PER_FLUSH):
            indices = missing[start : start + DOCUMENTS_PER_FLUSH]
            computed = self._log_likelihoods([texts[index] for index in indices]).tolist()
            new = dict(zip([hashes[index] for index in indices], computed, strict=True))
            cached |= new
            if self.log_likelihood_cache:
                with self.log_likelihood_cache.open("a", encoding="utf-8") as file:
                    file.writelines(f"{json.dumps(line)}\n" for line in new.items())
        return np.array([cached[name] for name in hashes])

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return the class probabilities, (n, n_classes)."""
        return self.rule.posterior(log_likelihoods)

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the class probabilities, (n, n_classes)."""
        return self.posterior(self.log_likelihoods(texts))

    def token_log_probs(self, text: str) -> tuple[list[str], NDArray[np.float32]]:
        """Return the tokens of a document and the log-probability of each, (tokens + 1, n_classes).

        The last row is that of the end-of-document token.
        """
        columns = [self._token_log_probs(class_lm, [text])[0] for class_lm in self.class_lms]
        class_lm = self.class_lms[0]
        ids = class_lm.tokenize([text])[0][:-1]
        tokens = [class_lm.decode(ids[i : i + 1]) for i in range(len(ids))]
        return tokens, np.stack(columns, 1)

    def _log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        columns = [
            [float(row.astype(np.float64).sum()) for row in self._token_log_probs(class_lm, texts)]
            for class_lm in self.class_lms
        ]
        return np.array(columns).T

    def _token_log_probs(
        self, class_lm: ClassLanguageModel, texts: Sequence[str]
    ) -> list[NDArray[np.float32]]:
        log_probs = token_log_probabilities(
            class_lm.model,
            [np.concatenate([class_lm.prefix, ids]) for ids in class_lm.tokenize(texts)],
            max_context=self.block_size,
            pad_token_id=class_lm.eos_token_id,
            bfloat16=self.bfloat16,
        )
        return [row[len(class_lm.prefix) - 1 :] for row in log_probs]


def _read_cached_log_likelihoods(path: Path | None) -> dict[str, list[float]]:
    """Return cached log-likelihoods by the hash of the document, without a truncated last line."""
    if path is None or not path.exists():
        return {}
    cached = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            name, values = json.loads(line)
            cached[name] = values
    return cached
