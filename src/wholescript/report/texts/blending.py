"""Several trained classifiers of the same texts as one, weighted where they were held out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import softmax

from wholescript.errors import DataError, ParameterError
from wholescript.evaluation.multiclass import ClassPredictions
from wholescript.models.text_stack import blend
from wholescript.report.provenance.fingerprint import hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.draws import Training
from wholescript.report.texts.runs import scores

SUMS = ("train_seconds", "inference_seconds_per_1000", "parameters", "trained_parameters")


def blend_runs(store: RunStore, members: Sequence[Run], name: str = "blend") -> Run:
    """Store the run `<set>/<name>-<suffix>`: the members' log-probabilities, weighted and added.

    One weight a member is found on the validation texts, which none of them learned from. What
    the members took to train is added up.

    Raises:
        ParameterError: there are not two members, or they are not of one seed.
        DataError: the members are of other texts, or one stores no probabilities.
        RunError: a member was stored without its predictions on validation.
    """
    if len(members) < 2:
        raise ParameterError("a blend needs two runs at least")
    first = members[0].config
    for run in members[1:]:
        if (run.config["data"], run.config["training"]) != (first["data"], first["training"]):
            raise ParameterError(
                f"{run.name} is of other texts, labels or another seed than {members[0].name}"
            )
    on_validation = [run.on_validation for run in members]
    on_test = [run.class_predictions for run in members]
    weights = blend(_logs(on_validation), on_validation[0].labels)
    config = {
        "estimator": {"model": "Blend", "members": {run.name: run.key for run in members}},
        "data": first["data"],
        "training": first["training"],
    }
    classes = len(first["classes"])
    shares = {
        run.name: round(float(weights.weights[place * classes, 0]), 4)
        for place, run in enumerate(members)
    }
    said = [
        ClassPredictions.from_probabilities(
            parts[0].ids, parts[0].classes, parts[0].labels, softmax(weights(_logs(parts)), axis=1)
        )
        for parts in (on_test, on_validation)
    ]
    costs = {
        cost: Metric(sum(run.metrics[cost].value for run in members), tolerance=0) for cost in SUMS
    }
    kept = ("textset", "classes", "texts", "scale", "device", "threads", "seed")
    made = {"key": hash_json(config), "chosen": shares} | {fact: first[fact] for fact in kept}
    full = f"{first['textset']}/{name}-{Training(**first['training']).suffix}"
    return store.save(
        full, {**config, **made}, scores(said[0]) | costs, said[0], pd.DataFrame(), said[1]
    )


def _logs(members: Sequence[ClassPredictions]) -> np.ndarray:
    """Return log-probabilities (n, members times classes)."""
    columns = []
    for said in members:
        if said.probabilities is None:
            raise DataError("a blend needs probabilities of all classes: runs of two store them")
        if said.ids != members[0].ids or (said.labels != members[0].labels).any():
            raise DataError("the members predict other texts")
        columns.append(np.log(np.maximum(said.probabilities, 1e-7)))
    return np.concatenate(columns, axis=1)
