"""Random search over the settings of a classifier of labelled documents with Ray Tune."""

import json
import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import torch
from sklearn.metrics import accuracy_score, f1_score

from wholescript.cluster import ray_cluster, tune
from wholescript.data.labelled import LabelledDataset
from wholescript.errors import ParameterError, RunError
from wholescript.experiments.documents.data_config import DataConfig, get_labels, subsample_train
from wholescript.experiments.documents.train import DocumentEstimator, fit_estimator
from wholescript.experiments.experiment import Context, Experiment, Outcome
from wholescript.experiments.key import hash_json
from wholescript.experiments.results import Metric
from wholescript.files import write_atomic
from wholescript.settings import PositiveInt, check_fields
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.hardware import hardware

TRIALS, TRIAL_FILE = "trials", "trial.json"
LOG_SCALE_RATIO = 10  # an interval whose ends differ by this factor is sampled on a log scale


@dataclass(frozen=True)
class DocumentSearch(Experiment[LabelledDataset]):
    """`trials` random samples of `space`, each scored by its macro-F1 on the validation split.

    `make_estimator` returns the estimator with sampled settings; `base` has none of them. A value
    of `space` is a list of choices, or a pair (low, high) of numbers. The test split is not used.
    The run is called `<set>/<name>-search-s<seed>`; its history has a row per trial, the best
    first. `address` and `workers` are those of `ray_cluster`.
    """

    kind: ClassVar[str] = "document_search"

    make_estimator: Callable[[Mapping[str, Any]], DocumentEstimator]
    base: DocumentEstimator
    space: Mapping[str, Any]
    trials: PositiveInt
    data_config: DataConfig
    name: str
    address: str | None = None
    workers: PositiveInt | None = None

    def __post_init__(self) -> None:
        """Check the space, and the numbers of trials and workers."""
        check_fields(self)
        if not self.space:
            raise ParameterError("the space is empty: give values for at least one setting")
        for name, values in self.space.items():
            distribution(name, values)
            for value in values:  # an invalid one is an error before anything runs
                self.make_estimator({name: value})

    def run_name(self, data: LabelledDataset) -> str:
        """Return `<set>/<name>-search-s<seed>`."""
        return f"{data.name}/{self.name}-search-{self.data_config.run_suffix}"

    def settings_for(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the space, the number of trials, and the settings that all trials share."""
        space = {k: {"between": v} if isinstance(v, tuple) else v for k, v in self.space.items()}
        return {
            "estimator": self.base.config,
            "space": space,
            "trials": self.trials,
            "data_config": self.data_config.settings(),
        }

    def data_identity(self, data: LabelledDataset) -> dict[str, Any]:
        """Return the fingerprint of the data set."""
        return {"fingerprint": data.fingerprint}

    def execute(self, data: LabelledDataset, context: Context) -> Outcome:
        """Run the trials, or those that an interrupted search left.

        Raises:
            RunError: all trials failed, or there is no cluster at `address`.
        """
        config, n_classes = self.data_config, len(data.classes)
        train, validation = data.splits["train"], data.splits["validation"]
        labels = get_labels(train, config.label_column)
        documents = (
            subsample_train(train, labels, config, n_classes),
            LabelledDocuments(
                validation.texts, get_labels(validation, config.label_column), n_classes
            ),
        )
        folder = context.folder.resolve()
        with ray_cluster(self.address, self.workers):
            trainable = tune.with_resources(
                tune.with_parameters(
                    _trial, documents=documents, make=self.make_estimator, folder=folder,
                    seed=config.seed,
                ),
                {"cpu": 1, "gpu": int(hardware().device == "cuda")},
            )  # fmt: skip
            results = self._tuner(trainable, folder).fit()
        failed = sorted({str(error).splitlines()[-1] for error in results.errors})
        files = sorted(folder.glob(f"{TRIALS}/*/{TRIAL_FILE}"))
        if not files:
            raise RunError(f"all {self.trials} trials failed: {'; '.join(failed)}")
        table = pd.DataFrame([json.loads(file.read_text(encoding="utf-8")) for file in files])
        table = table.sort_values("validation_macro_f1", ascending=False, ignore_index=True)
        return Outcome(
            {"validation_macro_f1": Metric(float(table["validation_macro_f1"].iloc[0]))},
            history=table,
            metadata={"dataset": data.name, "n_failed": len(failed)},
        )

    def _tuner(self, trainable: Any, folder: Path) -> Any:
        # Ray warns of trials without a log; their scores are in `TRIAL_FILE`.
        logging.getLogger("ray.tune.analysis.experiment_analysis").setLevel(logging.ERROR)
        state = folder / "ray"
        if tune.Tuner.can_restore(str(state)):
            return tune.Tuner.restore(str(state), trainable, restart_errored=True)
        return tune.Tuner(
            trainable,
            param_space={name: distribution(name, values) for name, values in self.space.items()},
            tune_config=tune.TuneConfig(
                metric="validation_macro_f1",
                mode="max",
                num_samples=self.trials,
                search_alg=tune.search.BasicVariantGenerator(random_state=self.data_config.seed),
            ),
            run_config=tune.RunConfig(name="ray", storage_path=str(folder), verbose=0),
        )


def distribution(name: str, values: Any) -> Any:
    """Return Ray's distribution of a setting: a choice of a list, or between a pair of numbers.

    Raises:
        ParameterError: the values are neither.
    """
    if isinstance(values, list) and values:
        return tune.choice(values)
    numbers = isinstance(values, tuple) and all(type(v) in (int, float) for v in values)
    if not (numbers and len(values) == 2 and -math.inf < values[0] < values[1] < math.inf):
        raise ParameterError(f"{name}={values!r}: give a list of values, or a pair (low, high)")
    low, high = values
    log = low > 0 and high / low >= LOG_SCALE_RATIO
    if isinstance(low, int) and isinstance(high, int):
        return (tune.lograndint if log else tune.randint)(low, high + 1)
    return (tune.loguniform if log else tune.uniform)(low, high)


def _trial(
    settings: dict[str, Any],
    documents: tuple[LabelledDocuments, LabelledDocuments],
    make: Callable[[Mapping[str, Any]], DocumentEstimator],
    folder: Path,
    seed: int,
) -> None:
    """Train one trial in a Ray process and report its metrics on validation."""
    torch.set_num_threads(1)
    own = folder / TRIALS / hash_json(settings)[:16]
    own.mkdir(parents=True, exist_ok=True)
    train, validation = documents
    fitted = fit_estimator(make(settings), train, validation, seed, own)
    predicted = fitted.predict_proba(validation.texts).argmax(axis=1)
    scores = {
        "validation_macro_f1": float(f1_score(validation.labels, predicted, average="macro")),
        "validation_accuracy": float(accuracy_score(validation.labels, predicted)),
    }
    write_atomic(own / TRIAL_FILE, json.dumps({**scores, **settings}))
    tune.report(scores)
