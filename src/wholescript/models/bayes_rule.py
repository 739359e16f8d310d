"""Bayes' rule over language models of classes: from log-likelihoods of a text to probabilities."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class BayesRule:
    """p(class | text) is in proportion to p(text | class) p(class).

    `log_priors` (classes,) are in nats. A model of language takes each word for new evidence, which
    in a long text it is not, so that its odds are far too sure: they are divided by `temperature`,
    and `bias` (classes,) makes good for models of which one is the better.
    """

    log_priors: NDArray[np.float64]
    temperature: float = 1.0
    bias: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, labels: IntArray, classes: int) -> Self:
        """Take the priors from how many training texts have which label, one more of each."""
        counts = np.bincount(labels, minlength=classes) + 1.0
        return cls(np.log(counts / counts.sum()))

    def scores(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return log-odds of the classes, up to a constant a text, from (n, classes) nats."""
        odds = log_likelihoods.astype(np.float64) + self.log_priors
        return odds / self.temperature + (0.0 if self.bias is None else self.bias)

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> FloatArray:
        """Return the probabilities of the classes, (n, classes) float32."""
        return np.asarray(softmax(self.scores(log_likelihoods), axis=1), np.float32)

    @property
    def plain(self) -> Self:
        """The rule without temperature and bias."""
        return type(self)(self.log_priors)

    def calibrated(self, log_likelihoods: NDArray[np.floating], labels: IntArray) -> Self:
        """Return it with the temperature and the bias of least log loss on held-out texts."""
        odds = log_likelihoods.astype(np.float64) + self.log_priors
        odds -= odds.mean(axis=1, keepdims=True)
        start = max(float(odds.std()), 1.0)

        def log_loss(parameters: NDArray[np.float64]) -> float:
            rows = odds / (start * np.exp(parameters[0])) + np.append(0.0, parameters[1:])
            return -float(log_softmax(rows, axis=1)[np.arange(len(labels)), labels].mean())

        found = minimize(log_loss, np.zeros(odds.shape[1])).x
        return type(self)(
            self.log_priors, float(start * np.exp(found[0])), np.append(0.0, found[1:])
        )

    def note(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "log_priors": self.log_priors.tolist(),
            "temperature": self.temperature,
            "bias": None if self.bias is None else self.bias.tolist(),
        }

    @classmethod
    def restored(cls, note: Mapping[str, Any]) -> Self:
        """Take it back from `note`."""
        bias = None if note["bias"] is None else np.array(note["bias"])
        return cls(np.array(note["log_priors"]), note["temperature"], bias)
