"""Treatments of class imbalance, each inside the training films.

Those of `IMBALANCE_CORRECTIONS` change how a model is trained; here they are applied to TF-IDF rows, in
`training.treated` to an aggregator. `LogitAdjustment` changes what any model says afterwards. Moving
the threshold changes no probability: every prediction of the report carries a threshold chosen on
inner folds beside the customary 0.5.
"""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from wholescript.errors import ParameterError
from wholescript.models.logistic_regression import FloatArray, IntArray, Matrix, logistic, logit
from wholescript.models.task import Estimator, FoldScores, Task
from wholescript.models.tfidf import TfidfLR

ImbalanceCorrection = Literal[
    "plain",
    "class weights",
    "class-balanced",
    "oversampling",
    "SMOTE",
    "focal loss",
]
IMBALANCE_CORRECTIONS: tuple[ImbalanceCorrection, ...] = get_args(ImbalanceCorrection)
FOCAL_GAMMA = 2.0  # of the focal loss, as its authors found best
CLASS_BALANCED_BETA = (
    0.999  # of class-balanced weights: about as many films as there are to draw from
)


@dataclass(kw_only=True)
class ImbalanceCorrectedTfidfLR(TfidfLR):
    """`TfidfLR` with one treatment of imbalance.

    "class weights" are inverse to the frequency of a class; "class-balanced" ones to its effective
    number (1 - beta^n) / (1 - beta) (Cui et al. 2019). "oversampling" repeats films of the rare
    class until both are equal, "SMOTE" interpolates between neighbours of it instead (Chawla et
    al. 2002). "focal loss" multiplies each film's loss by (1 - p)^gamma (Lin et al. 2017).
    """

    name: str = ""
    correction: ImbalanceCorrection = "plain"
    gamma: float = FOCAL_GAMMA
    beta: float = CLASS_BALANCED_BETA

    def __post_init__(self) -> None:
        """Check the treatment and name the estimator after it."""
        self.name = self.name or check_correction(self.correction)

    def fit_predict_proba(
        self, x: Matrix, labels: NDArray[np.int8], x_test: Matrix, C: float, seed: int
    ) -> FloatArray:
        """Fit with the treatment; return P(positive) of each row of `x_test`."""
        match self.correction:
            case "plain":
                return logistic(x, labels, x_test, C)
            case "class weights":
                return logistic(x, labels, x_test, C, class_weight="balanced")
            case "oversampling":
                x, labels = RandomOverSampler(random_state=seed).fit_resample(x, labels)
                return logistic(x, labels, x_test, C)
            case "SMOTE":
                x, labels = SMOTE(random_state=seed).fit_resample(x, labels)
                return logistic(x, labels, x_test, C)
            case "class-balanced":
                weights = effective_number_weights(labels, self.beta)
                return logistic(x, labels, x_test, C, class_weight=weights)
            case "focal loss":
                return focal_logistic(x, labels, x_test, C, self.gamma)


@dataclass
class LogitAdjustment:
    """An estimator, less tau times the log prior odds of its training films on each logit.

    The post-hoc form of logit adjustment (Menon et al. 2021); where an intercept is free, it is
    also what the loss of that name gives. With tau 1 the balanced error is least at 0.5.
    """

    estimator: Estimator
    tau: float = 1.0
    name: str = "logit-adjustment"

    @property
    def config(self) -> dict[str, Any]:
        """The configuration of the estimator within, and tau."""
        return {"model": type(self).__name__, "of": self.estimator.config, "tau": self.tau}

    def fit_predict(self, task: Task, train: IntArray, test: IntArray, *, seed: int) -> FoldScores:
        """Fit the estimator and shift all that it says."""
        found = self.estimator.fit_predict(task, train, test, seed=seed)
        shift = self.tau * logit(np.asarray([task.labels[train].mean()]))
        inner, scores = (np.asarray(expit(logit(s) - shift)) for s in (found.inner, found.test))
        return FoldScores(inner, scores, found.chosen, found.history)


def check_correction(correction: str) -> str:
    """Return how a run with the treatment is called; raise ParameterError where there is none."""
    if correction not in IMBALANCE_CORRECTIONS:
        raise ParameterError(
            f"Unknown treatment {correction!r}: choose one of {', '.join(IMBALANCE_CORRECTIONS)}."
        )
    return correction.lower().replace(" ", "-")


def effective_number_weights(labels: NDArray[np.int8], beta: float) -> dict[int, float]:
    """Return a weight per class, inverse to its effective number, of mean 1 over the films."""
    counts = np.bincount(labels, minlength=2)
    weights = (1 - beta) / (1 - beta**counts)
    weights *= len(labels) / (weights @ counts)
    return {0: float(weights[0]), 1: float(weights[1])}


def focal_logistic(
    x: Matrix, labels: NDArray[np.int8], x_test: Matrix, C: float, gamma: float
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
        value = weights @ weights / 2 - C * (wrong**gamma @ log_right)
        slope = C * sign * wrong**gamma * (gamma * right * log_right - wrong)
        return value, np.append(weights + x.T @ slope, slope.sum())

    start = np.zeros(x.shape[1] + 1)
    start[-1:] = logit(np.asarray([labels.mean()]))
    options = {"maxiter": 1000, "ftol": 1e-5}  # tighter moves no AUC by a thousandth
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(expit(x_test @ fitted[:-1] + fitted[-1]))
