"""A weighted ensemble of trained document classifiers, with weights from the validation split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import TEST_FINGERPRINT, classification_metrics
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.models.documents.ensemble import fit_weighted_sum

SUMMED_COSTS = ("train_seconds", "inference_seconds_per_1000", "parameters", "trained_parameters")


@dataclass(frozen=True)
class Ensemble(Experiment[Sequence[Run]]):
    """The weighted sum of the members' log-probabilities, as the run `<set>/<name>-<suffix>`.

    One weight per member is fitted on the validation documents. The costs are the sums of those of
    the members.
    """

    kind: ClassVar[str] = "ensemble"
    model: ClassVar[str] = "WeightedEnsemble"

    name: str = "ensemble"

    def run_name(self, data: Sequence[Run]) -> str:
        """Return `<set>/<name>-<suffix>`.

        Raises:
            ParameterError: there are fewer than two members, or their data or seeds differ.
        """
        first = _check_members(data)
        data_config = DataConfig(**first.settings["data_config"])
        return f"{first.config['dataset']}/{self.name}-{data_config.run_suffix}"

    def settings_for(self, data: Sequence[Run]) -> dict[str, Any]:
        """Return the members with their keys, and the documents that they share."""
        return {
            "estimator": {"model": self.model, "members": {run.name: run.key for run in data}},
            "data_config": data[0].settings["data_config"],
        }

    def data_identity(self, data: Sequence[Run]) -> dict[str, Any]:
        """Return the data that the members share."""
        return data[0].data

    def execute(self, data: Sequence[Run], context: Context) -> Outcome:
        """Fit the weights on validation and predict both splits.

        Raises:
            DataError: the members predict different documents, or one stores no probabilities.
            RunError: a member stores no predictions on validation.
        """
        first = _check_members(data).config
        on_validation = [run.val_predictions(DocumentPredictions) for run in data]
        on_test = [run.predictions(DocumentPredictions) for run in data]
        weighted_sum = fit_weighted_sum(_log_probabilities(on_validation), on_validation[0].labels)
        n_classes = len(first["classes"])
        weights = {
            run.name: round(float(weighted_sum.weights[i * n_classes, 0]), 4)
            for i, run in enumerate(data)
        }
        predictions, val_predictions = (
            DocumentPredictions.from_probabilities(
                members[0].ids,
                members[0].classes,
                members[0].labels,
                softmax(weighted_sum(_log_probabilities(members)), axis=1),
            )
            for members in (on_test, on_validation)
        )
        costs = {
            cost: Metric(sum(run.metrics[cost].value for run in data), tolerance=0)
            for cost in SUMMED_COSTS
        }
        shared = (
            TEST_FINGERPRINT,
            "dataset",
            "classes",
            "documents",
            "words",
            "scale",
            "device",
            "threads",
            "seed",
        )
        return Outcome(
            classification_metrics(predictions) | costs,
            predictions,
            val_predictions,
            metadata={"chosen": weights} | {name: first[name] for name in shared if name in first},
        )


def _check_members(members: Sequence[Run]) -> Run:
    if len(members) < 2:
        raise ParameterError("an ensemble needs at least two runs")
    first = members[0]
    for run in members[1:]:
        if (run.data, run.settings["data_config"]) != (first.data, first.settings["data_config"]):
            raise ParameterError(
                f"{run.name} has other documents, labels or another seed than {first.name}"
            )
    return first


def _log_probabilities(members: Sequence[DocumentPredictions]) -> np.ndarray:
    """Return log-probabilities, (n, members x classes)."""
    columns = []
    for member in members:
        if member.probabilities is None:
            raise DataError(
                "ensembles are made of runs of two classes, which store all probabilities; "
                f"these have {len(member.classes)} classes"
            )
        if member.ids != members[0].ids or (member.labels != members[0].labels).any():
            raise DataError("the members predict different documents")
        columns.append(np.log(np.maximum(member.probabilities, 1e-7)))
    return np.concatenate(columns, axis=1)
