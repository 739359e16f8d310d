"""Treatments of class imbalance, all over the same TF-IDF rows, each inside the training films.

Moving the threshold is no treatment here: it changes no probability, and every prediction of the
report carries a threshold chosen on inner folds beside the customary 0.5.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from wholescript.errors import ParameterError
from wholescript.models.linear import FloatArray, Matrix, logistic, logit
from wholescript.models.words import WordsLR

Treatment = Literal[
    "plain",
    "class weights",
    "oversampling",
    "focal loss",
    "class-balanced",
    "logit adjustment",
    "SMOTE",
]
TREATMENTS: tuple[Treatment, ...] = get_args(Treatment)


@dataclass(kw_only=True)
class TreatedWordsLR(WordsLR):
    """`WordsLR` with one treatment of imbalance.

    "class weights" are inverse to the frequency of a class; "class-balanced" ones to its effective
    number (1 - beta^n) / (1 - beta) (Cui et al. 2019). "oversampling" repeats films of the rare
    class until both are equal, "SMOTE" interpolates between neighbours of it instead (Chawla et
    al. 2002). "focal loss" multiplies each film's loss by (1 - p)^gamma (Lin et al. 2017).
    "logit adjustment" takes tau times the log prior odds off the logit (Menon et al. 2021): the
    post-hoc form, which for a linear model with a free intercept is also what its loss gives.
    """

    name: str = ""
    treatment: Treatment = "plain"
    gamma: float = 2.0  # of the focal loss, as its authors found best
    beta: float = 0.999  # of class-balanced weights: about as many films as there are to draw from
    tau: float = 1.0  # of logit adjustment: 1 minimises the balanced error

    def __post_init__(self) -> None:
        """Check the treatment and name the estimator after it."""
        if self.treatment not in TREATMENTS:
            raise ParameterError(
                f"Unknown treatment {self.treatment!r}: choose one of {', '.join(TREATMENTS)}."
            )
        self.name = self.name or self.treatment.lower().replace(" ", "-")

    def learn(
        self, x: Matrix, labels: NDArray[np.int8], x_test: Matrix, strength: float, seed: int
    ) -> FloatArray:
        """Fit with the treatment; return P(positive) of each row of `x_test`."""
        match self.treatment:
            case "plain":
                return logistic(x, labels, x_test, strength)
            case "class weights":
                return logistic(x, labels, x_test, strength, class_weight="balanced")
            case "oversampling":
                x, labels = RandomOverSampler(random_state=seed).fit_resample(x, labels)
                return logistic(x, labels, x_test, strength)
            case "SMOTE":
                x, labels = SMOTE(random_state=seed).fit_resample(x, labels)
                return logistic(x, labels, x_test, strength)
            case "class-balanced":
                weights = effective_number_weights(labels, self.beta)
                return logistic(x, labels, x_test, strength, class_weight=weights)
            case "logit adjustment":
                prior = np.asarray([labels.mean()])
                plain = logistic(x, labels, x_test, strength)
                return np.asarray(expit(logit(plain) - self.tau * logit(prior)))
            case "focal loss":
                return focal_logistic(x, labels, x_test, strength, self.gamma)


def effective_number_weights(labels: NDArray[np.int8], beta: float) -> dict[int, float]:
    """Return a weight per class, inverse to its effective number, of mean 1 over the films."""
    counts = np.bincount(labels, minlength=2)
    weights = (1 - beta) / (1 - beta**counts)
    weights *= len(labels) / (weights @ counts)
    return {0: float(weights[0]), 1: float(weights[1])}


def focal_logistic(
    x: Matrix, labels: NDArray[np.int8], x_test: Matrix, strength: float, gamma: float
) -> FloatArray:
    """Return P(positive) of `x_test` by a linear model under the focal loss, L2, free intercept.

    Minimises |w|^2 / 2 + strength * sum of -(1 - p)^gamma log p, p the probability of the true
    class, by L-BFGS from the prior; with gamma 0 this is logistic regression.
    """
    sign = np.where(labels == 1, 1.0, -1.0)

    def loss(parameters: FloatArray) -> tuple[float, FloatArray]:
        weights, intercept = parameters[:-1], parameters[-1]
        margin = sign * (x @ weights + intercept)
        right, log_right, wrong = expit(margin), log_expit(margin), expit(-margin)
        value = weights @ weights / 2 - strength * (wrong**gamma @ log_right)
        slope = strength * sign * wrong**gamma * (gamma * right * log_right - wrong)
        return value, np.append(weights + x.T @ slope, slope.sum())

    start = np.zeros(x.shape[1] + 1)
    start[-1:] = logit(np.asarray([labels.mean()]))
    options = {"maxiter": 1000, "ftol": 1e-5}  # tighter moves no AUC by a thousandth
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(expit(x_test @ fitted[:-1] + fitted[-1]))
