"""Corrections of class imbalance, each applied within the training films.

Those of `IMBALANCE_CORRECTIONS` change the training: here for TF-IDF features, in
`studies.screenplays.models.imbalance` for aggregators. `LogitAdjustment` changes the probabilities
of any model. Moving the decision threshold changes no probability; every prediction of the report
has a threshold chosen on inner folds as well as 0.5.
"""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, get_args

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from wholescript.errors import ParameterError
from wholescript.models.films.estimator import EstimatorWrapper, FilmDataset, FoldPredictions
from wholescript.models.films.logistic_regression import Matrix, logit, predict_proba_logistic
from wholescript.models.films.tfidf import TfidfLR
from wholescript.models.types import Float64Array, IntArray

ImbalanceCorrection = Literal[
    "uncorrected",
    "class weights",
    "class-balanced",
    "oversampling",
    "SMOTE",
    "focal loss",
]
IMBALANCE_CORRECTIONS: tuple[ImbalanceCorrection, ...] = get_args(ImbalanceCorrection)
SMOTE_NEIGHBORS = 5  # as in the paper
FOCAL_GAMMA = 2.0  # the value that Lin et al. (2017) recommend
CLASS_BALANCED_BETA = 0.999  # 1 / (1 - beta) is about the number of films


@dataclass(kw_only=True)
class ImbalanceCorrectedTfidfLR(TfidfLR):
    """`TfidfLR` with one correction of class imbalance.

    - "class weights" are inverse to the class frequency.
    - "class-balanced" weights are inverse to the effective number (1 - beta^n) / (1 - beta) of
      films of a class (Cui et al., 2019).
    - "oversampling" repeats films of the rare class until both classes are equal.
    - "SMOTE" interpolates between neighbours of the rare class instead (Chawla et al., 2002).
    - "focal loss" multiplies the loss of each film by (1 - p)^gamma (Lin et al., 2017).
    """

    model: ClassVar[str] = "ImbalanceCorrectedTfidfLR"

    name: str = ""
    correction: ImbalanceCorrection = "uncorrected"
    gamma: float = FOCAL_GAMMA
    beta: float = CLASS_BALANCED_BETA

    def __post_init__(self) -> None:
        """Check the correction and name the estimator after it."""
        self.name = self.name or check_correction(self.correction)

    def fit_predict_proba(
        self, x: Matrix, labels: NDArray[np.int8], x_test: Matrix, C: float, seed: int
    ) -> Float64Array:
        """Fit with the correction; return P(positive) for the rows of `x_test`."""
        match self.correction:
            case "uncorrected":
                return predict_proba_logistic(x, labels, x_test, C)
            case "class weights":
                return predict_proba_logistic(x, labels, x_test, C, class_weight="balanced")
            case "oversampling":
                x, labels = RandomOverSampler(random_state=seed).fit_resample(x, labels)
                return predict_proba_logistic(x, labels, x_test, C)
            case "SMOTE":
                # A film has at most as many neighbours of its class as there are others.
                neighbors = min(SMOTE_NEIGHBORS, int(np.bincount(labels).min()) - 1)
                sampler = (
                    SMOTE(random_state=seed, k_neighbors=neighbors)
                    if neighbors
                    else RandomOverSampler(random_state=seed)
                )
                x, labels = sampler.fit_resample(x, labels)
                return predict_proba_logistic(x, labels, x_test, C)
            case "class-balanced":
                weights = effective_number_weights(labels, self.beta)
                return predict_proba_logistic(x, labels, x_test, C, class_weight=weights)
            case "focal loss":
                return focal_logistic(x, labels, x_test, C, self.gamma)


@dataclass
class LogitAdjustment(EstimatorWrapper):
    """Subtracts tau times the log prior odds of the training films from the logits of an estimator.

    This is post-hoc logit adjustment (Menon et al., 2021). With tau = 1, the threshold 0.5
    minimises the balanced error.
    """

    tau: float = 1.0
    name: str = "logit-adjustment"

    model: ClassVar[str] = "LogitAdjustment"

    @property
    def settings(self) -> dict[str, Any]:
        """The value of tau."""
        return {"tau": self.tau}

    def transform_predictions(
        self, predictions: FoldPredictions, dataset: FilmDataset, train: IntArray
    ) -> FoldPredictions:
        """Shift the logits."""
        shift = self.tau * logit(np.asarray([dataset.labels[train].mean()]))
        both = predictions.inner, predictions.test
        inner, test = (np.asarray(expit(logit(p) - shift)) for p in both)
        return replace(predictions, inner=inner, test=test)


def check_correction(correction: str) -> str:
    """Return the name of a run with the correction; raise ParameterError if it is unknown."""
    if correction not in IMBALANCE_CORRECTIONS:
        raise ParameterError(
            f"unknown imbalance correction {correction!r}: choose one of "
            f"{', '.join(IMBALANCE_CORRECTIONS)}"
        )
    return correction.lower().replace(" ", "-")


def effective_number_weights(labels: NDArray[np.int8], beta: float) -> dict[int, float]:
    """Return a weight per class, inverse to its effective number, with mean 1 over the films."""
    counts = np.bincount(labels, minlength=2)
    weights = (1 - beta) / (1 - beta**counts)
    weights *= len(labels) / (weights @ counts)
    return {0: float(weights[0]), 1: float(weights[1])}


def focal_logistic(
    x: Matrix, labels: NDArray[np.int8], x_test: Matrix, C: float, gamma: float
) -> Float64Array:
    """Return P(positive) for `x_test` by a linear model with focal loss and L2 penalty.

    Minimises |w|^2 / 2 + C * sum of -(1 - p)^gamma log p, where p is the probability of the true
    class, by L-BFGS from the prior; the intercept is not penalised. With gamma = 0 this is logistic
    regression.
    """
    sign = np.where(labels == 1, 1.0, -1.0)

    def loss(parameters: Float64Array) -> tuple[float, Float64Array]:
        weights, intercept = parameters[:-1], parameters[-1]
        margin = sign * (x @ weights + intercept)
        p, log_p, q = expit(margin), log_expit(margin), expit(-margin)
        value = weights @ weights / 2 - C * (q**gamma @ log_p)
        slope = C * sign * q**gamma * (gamma * p * log_p - q)
        return value, np.append(weights + x.T @ slope, slope.sum())

    start = np.zeros(x.shape[1] + 1)
    start[-1:] = logit(np.asarray([labels.mean()]))
    options = {"maxiter": 1000, "ftol": 1e-5}  # a smaller ftol changes no AUROC by 0.001
    fitted = minimize(loss, start, jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(expit(x_test @ fitted[:-1] + fitted[-1]))
