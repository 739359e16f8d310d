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

    The longer a text, the more of its words repeat what others said: the temperature is that of a
    text of `typical` nats, and grows with the length of a text in nats to the power of `growth`,
    from 0, one temperature for all, to 1, the odds of a mean word.
    """

    log_priors: NDArray[np.float64]
    temperature: float = 1.0
    bias: NDArray[np.float64] | None = None
    growth: float = 0.0
    typical: float = 1.0

    @classmethod
    def of(cls, labels: IntArray, classes: int) -> Self:
        """Take the priors from how many training texts have which label, one more of each."""
        counts = np.bincount(labels, minlength=classes) + 1.0
        return cls(np.log(counts / counts.sum()))

    def scores(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return log-odds of the classes, up to a constant a text, from (n, classes) nats."""
        odds = log_likelihoods.astype(np.float64) + self.log_priors
        lengths = _nats(log_likelihoods) / self.typical
        temperatures = self.temperature * lengths**self.growth
        return odds / temperatures[:, None] + (0.0 if self.bias is None else self.bias)

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> FloatArray:
        """Return the probabilities of the classes, (n, classes) float32."""
        return np.asarray(softmax(self.scores(log_likelihoods), axis=1), np.float32)

    @property
    def plain(self) -> Self:
        """The rule without temperature and bias."""
        return type(self)(self.log_priors)

    def calibrated(self, log_likelihoods: NDArray[np.floating], labels: IntArray) -> Self:
        """Return it with what has the least log loss on held-out texts."""
        odds = log_likelihoods.astype(np.float64) + self.log_priors
        odds -= odds.mean(axis=1, keepdims=True)
        start = max(float(odds.std()), 1.0)
        nats = _nats(log_likelihoods)
        typical = float(np.median(nats))
        lengths = nats / typical

        def log_loss(parameters: NDArray[np.float64]) -> float:
            growth, warmth, *bias = parameters
            temperatures = start * np.exp(warmth) * lengths**growth
            rows = odds / temperatures[:, None] + np.append(0.0, bias)
            return -float(log_softmax(rows, axis=1)[np.arange(len(labels)), labels].mean())

        free = odds.shape[1]
        growth, warmth, *bias = minimize(
            log_loss,
            np.append(0.5, np.zeros(free)),
            bounds=[(0.0, 1.0), *[(None, None)] * free],
        ).x
        temperature = float(start * np.exp(warmth))
        return type(self)(
            self.log_priors, temperature, np.append(0.0, bias), float(growth), typical
        )

    def note(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "log_priors": self.log_priors.tolist(),
            "temperature": self.temperature,
            "bias": None if self.bias is None else self.bias.tolist(),
            "growth": self.growth,
            "typical": self.typical,
        }

    @classmethod
    def restored(cls, note: Mapping[str, Any]) -> Self:
        """Take it back from `note`."""
        bias = None if note["bias"] is None else np.array(note["bias"])
        priors = np.array(note["log_priors"])
        return cls(priors, note["temperature"], bias, note["growth"], note["typical"])


def _nats(log_likelihoods: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how unlikely each text is in the mean of the classes, (n,) nats, at least 1."""
    return np.maximum(-log_likelihoods.astype(np.float64).mean(axis=1), 1.0)
