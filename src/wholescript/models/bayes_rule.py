"""Bayes' rule on class-conditional likelihoods of texts, calibrated for their overconfidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import softmax

from wholescript.models.calibration import mean_log_loss
from wholescript.models.types import Float32Array, Float64Array, IntArray


@dataclass(frozen=True)
class BayesRule:
    """p(class | text) is proportional to p(text | class) p(class).

    A language model treats each token as new evidence. In long texts tokens repeat each other, so
    the posterior is overconfident. The log-odds are therefore divided by a temperature, and `bias`
    (n_classes,) corrects for class models of unequal quality. `log_priors` (n_classes,) in nats.

    `temperature` is that of a text of `reference_length` nats. It grows with the length of a text
    in nats to the power of `length_exponent`: 0 is one temperature for all texts, 1 is
    length-normalised log-odds.
    """

    log_priors: Float64Array
    temperature: float = 1.0
    bias: Float64Array | None = None
    length_exponent: float = 0.0
    reference_length: float = 1.0

    @classmethod
    def from_labels(cls, labels: IntArray, n_classes: int) -> Self:
        """Estimate the priors from training labels with add-one smoothing."""
        counts = np.bincount(labels, minlength=n_classes) + 1.0
        return cls(np.log(counts / counts.sum()))

    def logits(self, log_likelihoods: NDArray[np.floating]) -> Float64Array:
        """Return the logits of the classes from log-likelihoods (n, n_classes) in nats."""
        log_joint = log_likelihoods.astype(np.float64) + self.log_priors
        lengths = _mean_nll(log_likelihoods) / self.reference_length
        temperatures = self.temperature * lengths**self.length_exponent
        return log_joint / temperatures[:, None] + (0.0 if self.bias is None else self.bias)

    def posterior(self, log_likelihoods: NDArray[np.floating]) -> Float32Array:
        """Return the probabilities of the classes, (n, n_classes) float32."""
        return np.asarray(softmax(self.logits(log_likelihoods), axis=1), np.float32)

    @property
    def uncalibrated(self) -> Self:
        """The rule without temperature and bias."""
        return type(self)(self.log_priors)

    def calibrated(self, log_likelihoods: NDArray[np.floating], labels: IntArray) -> Self:
        """Return the rule with the calibration of least log loss on held-out texts."""
        logits = log_likelihoods.astype(np.float64) + self.log_priors
        logits -= logits.mean(axis=1, keepdims=True)
        start = max(float(logits.std()), 1.0)
        nats = _mean_nll(log_likelihoods)
        reference_length = float(np.median(nats))
        lengths = nats / reference_length

        def log_loss(parameters: Float64Array) -> float:
            length_exponent, log_temperature, *bias = parameters
            temperatures = start * np.exp(log_temperature) * lengths**length_exponent
            return mean_log_loss(logits / temperatures[:, None] + np.append(0.0, bias), labels)

        n_free = logits.shape[1]  # the temperature and the biases of all classes but the first
        length_exponent, log_temperature, *bias = minimize(
            log_loss,
            np.append(0.5, np.zeros(n_free)),
            bounds=[(0.0, 1.0), *[(None, None)] * n_free],
        ).x
        temperature = float(start * np.exp(log_temperature))
        return type(self)(
            self.log_priors,
            temperature,
            np.append(0.0, bias),
            float(length_exponent),
            reference_length,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-able."""
        return {
            "log_priors": self.log_priors.tolist(),
            "temperature": self.temperature,
            "bias": None if self.bias is None else self.bias.tolist(),
            "length_exponent": self.length_exponent,
            "reference_length": self.reference_length,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Restore the rule from `to_dict`."""
        bias = None if values["bias"] is None else np.array(values["bias"])
        return cls(**{**values, "log_priors": np.array(values["log_priors"]), "bias": bias})


def _mean_nll(log_likelihoods: NDArray[np.floating]) -> Float64Array:
    """Return each text's negative log-likelihood, averaged over classes, (n,) nats, at least 1."""
    return np.maximum(-log_likelihoods.astype(np.float64).mean(axis=1), 1.0)
