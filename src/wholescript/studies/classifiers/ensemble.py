"""Several trained classifiers of the same texts as one, weighted where they were held out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.experiments.documents.data_config import DataConfig
from wholescript.experiments.documents.runs import metrics_of
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.models.documents.stacking import fit_weighted_sum

SUMMED_COSTS = ("train_seconds", "inference_seconds_per_1000", "parameters", "trained_parameters")


@dataclass(frozen=True)
class Ensemble(Experiment[Sequence[Run]]):
    """Trained members as one classifier: their log-probabilities, weighted and added.

    One weight a member is found on the validation texts, which none of them learned from. The run
    is called `<set>/<name>-<suffix>`. What the members took to train is added up.
    """

    kind: ClassVar[str] = "ensemble"

    name: str = "blend"

    def name_on(self, data: Sequence[Run]) -> str:
        """Return `<set>/<name>-<suffix>`.

        Raises:
            ParameterError: there are not two members, or they are not of one set and seed.
        """
        first = _check_members(data)
        training = DataConfig(**first.settings["training"])
        return f"{first.config['textset']}/{self.name}-{training.suffix}"

    def settings_on(self, data: Sequence[Run]) -> dict[str, Any]:
        """Return the members with their keys, and what they were trained on."""
        return {
            "estimator": {"model": "Blend", "members": {run.name: run.key for run in data}},
            "training": data[0].settings["training"],
        }

    def data_identity(self, data: Sequence[Run]) -> dict[str, Any]:
        """Return the data of the members, which share it."""
        return data[0].data

    def execute(self, data: Sequence[Run], context: Context) -> Outcome:
        """Find the weights on validation and predict both splits.

        Raises:
            DataError: the members are of other texts, or one stores no probabilities.
            RunError: a member was stored without its predictions on validation.
        """
        first = _check_members(data).config
        val_predictions = [run.val_predictions(DocumentPredictions) for run in data]
        on_test = [run.predictions(DocumentPredictions) for run in data]
        weights = fit_weighted_sum(_log_probabilities(val_predictions), val_predictions[0].labels)
        classes = len(first["classes"])
        shares = {
            run.name: round(float(weights.weights[place * classes, 0]), 4)
            for place, run in enumerate(data)
        }
        said = [
            DocumentPredictions.from_probabilities(
                parts[0].ids,
                parts[0].classes,
                parts[0].labels,
                softmax(weights(_log_probabilities(parts)), axis=1),
            )
            for parts in (on_test, val_predictions)
        ]
        costs = {
            cost: Metric(sum(run.metrics[cost].value for run in data), tolerance=0)
            for cost in SUMMED_COSTS
        }
        kept = ("textset", "classes", "texts", "scale", "device", "threads", "seed")
        return Outcome(
            metrics_of(said[0]) | costs,
            said[0],
            said[1],
            facts={"chosen": shares} | {fact: first[fact] for fact in kept},
        )


def _check_members(members: Sequence[Run]) -> Run:
    if len(members) < 2:
        raise ParameterError("a blend needs two runs at least")
    first = members[0]
    for run in members[1:]:
        shared = (run.data, run.settings["training"]) == (first.data, first.settings["training"])
        if not shared:
            raise ParameterError(
                f"{run.name} is of other texts, labels or another seed than {first.name}"
            )
    return first


def _log_probabilities(members: Sequence[DocumentPredictions]) -> np.ndarray:
    """Return log-probabilities (n, members times classes)."""
    columns = []
    for said in members:
        if said.probabilities is None:
            raise DataError("a blend needs probabilities of all classes: runs of two store them")
        if said.ids != members[0].ids or (said.labels != members[0].labels).any():
            raise DataError("the members predict other texts")
        columns.append(np.log(np.maximum(said.probabilities, 1e-7)))
    return np.concatenate(columns, axis=1)
