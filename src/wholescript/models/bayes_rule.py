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
    text of `reference_length` nats, and grows with the length of a text in nats to the power of `length_exponent`,
    from 0, one temperature for all, to 1, the odds of a mean word.
    """

    log_priors: NDArray[np.float64]
    temperature: float = 1.0
    bias: NDArray[np.float64] | None = None
    length_exponent: float = 0.0
    reference_length: float = 1.0

    @classmethod
    def of(cls, labels: IntArray, classes: int) -> Self:
        """Take the priors from how many training texts have which label, one more of each."""
        counts = np.bincount(labels, minlength=classes) + 1.0
        return cls(np.log(counts / counts.sum()))

    def scores(self, log_likelihoods: NDArray[np.floating]) -> NDArray[np.float64]:
        """Return log-odds of the classes, up to a constant a text, from (n, classes) nats."""
        scaled_logits = log_likelihoods.astype(np.float64) + self.log_priors
        lengths = _mean_nll(log_likelihoods) / self.reference_length
        temperatures = self.temperature * lengths**self.length_exponent
        return scaled_logits / temperatures[:, None] + (0.0 if self.bias is None else self.bias)

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> FloatArray:
        """Return the probabilities of the classes, (n, classes) float32."""
        return np.asarray(softmax(self.scores(log_likelihoods), axis=1), np.float32)

    @property
    def uncalibrated(self) -> Self:
        """The rule without temperature and bias."""
        return type(self)(self.log_priors)

    def calibrated(self, log_likelihoods: NDArray[np.floating], labels: IntArray) -> Self:
        """Return it with what has the least log loss on held-out texts."""
        scaled_logits = log_likelihoods.astype(np.float64) + self.log_priors
        scaled_logits -= scaled_logits.mean(axis=1, keepdims=True)
        start = max(float(scaled_logits.std()), 1.0)
        nats = _mean_nll(log_likelihoods)
        reference_length = float(np.median(nats))
        lengths = nats / reference_length

        def log_loss(parameters: NDArray[np.float64]) -> float:
            length_exponent, log_temperature, *bias = parameters
            temperatures = start * np.exp(log_temperature) * lengths**length_exponent
            rows = scaled_logits / temperatures[:, None] + np.append(0.0, bias)
            return -float(log_softmax(rows, axis=1)[np.arange(len(labels)), labels].mean())

        free = scaled_logits.shape[1]
        length_exponent, log_temperature, *bias = minimize(
            log_loss,
            np.append(0.5, np.zeros(free)),
            bounds=[(0.0, 1.0), *[(None, None)] * free],
        ).x
        temperature = float(start * np.exp(log_temperature))
        return type(self)(
            self.log_priors,
            temperature,
            np.append(0.0, bias),
            float(length_exponent),
            reference_length,
        )

    def metadata(self) -> dict[str, Any]:
        """Return it as JSON-able values."""
        return {
            "log_priors": self.log_priors.tolist(),
            "temperature": self.temperature,
            "bias": None if self.bias is None else self.bias.tolist(),
            "growth": self.length_exponent,
            "typical": self.reference_length,
        }

    @classmethod
    def from_state_dict(cls, metadata: Mapping[str, Any]) -> Self:
        """Take it back from `metadata`."""
        bias = None if metadata["bias"] is None else np.array(metadata["bias"])
        priors = np.array(metadata["log_priors"])
        return cls(priors, metadata["temperature"], bias, metadata["growth"], metadata["typical"])


def _mean_nll(log_likelihoods: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return how unlikely each text is in the mean of the classes, (n,) nats, at least 1."""
    return np.maximum(-log_likelihoods.astype(np.float64).mean(axis=1), 1.0)
