"""Stored runs of document classifiers: finding them by name, and their metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from wholescript.errors import RunError
from wholescript.evaluation.document_metrics import bootstrap
from wholescript.evaluation.document_predictions import DocumentPredictions
from wholescript.experiments.results import Metric
from wholescript.experiments.seeds import strip_seed
from wholescript.experiments.store import Run, RunStore

TEST_FINGERPRINT = "test_fingerprint"  # in the metadata of a run


def find_document_runs(store: RunStore, names: Sequence[str]) -> dict[str, list[Run]]:
    """Return stored runs by their name without the seed, one for each seed; ordered as `names`.

    A name is that of a run, or one without the seed, for all seeds.

    Raises:
        RunError: no run has such a name; the message lists the stored runs.
    """
    known = document_run_names(store)
    found: dict[str, list[Run]] = {}
    for name in names:
        wanted = name.rstrip("/")
        matches = [other for other in known if wanted in (other, strip_seed(other))]
        if not matches:
            raise RunError(f"no run is called {name!r}; there are: {', '.join(known) or 'none'}")
        for match in matches:
            run = store.find(match)
            assert run is not None
            found.setdefault(strip_seed(match), []).append(run)
    return found


def document_run_names(store: RunStore) -> list[str]:
    """Return the names of all runs of document classifiers, sorted."""
    return store.names(DocumentPredictions)


def predictions_by_seed(runs: Sequence[Run]) -> list[DocumentPredictions]:
    """Return the test predictions of each run of a model, with fingerprints of the texts."""
    return [
        replace(run.predictions(DocumentPredictions), fingerprints=_fingerprints(run))
        for run in runs
    ]


def _fingerprints(run: Run) -> tuple[str, ...]:
    """Return the fingerprint of the data set, and of the test texts where the run stores it."""
    return tuple(filter(None, [run.data.get("fingerprint"), run.config.get(TEST_FINGERPRINT)]))


def classifier_histories(models: Mapping[str, Sequence[Run]]) -> dict[str, list[pd.DataFrame]]:
    """Return the history of each seed, of the models whose epochs have a validation macro-F1.

    Class-conditional language models have none: their epochs have the next-token loss.
    """
    histories = {name: [run.history for run in runs] for name, runs in models.items()}
    return {
        name: of_model
        for name, of_model in histories.items()
        if any("val_macro_f1" in history for history in of_model)
    }


def classification_metrics(predictions: DocumentPredictions) -> dict[str, Metric]:
    """Return the classification metrics with their intervals over documents."""
    # An eighth of the interval approximates the spread over seeds, as for runs of one repeat.
    return {
        row.metric: Metric(row.value, row.low, row.high, (row.high - row.low) / 8)
        for row in bootstrap([predictions]).itertuples()
    }
