"""Stored runs of classifiers of texts: found by name, and summed up over their seeds."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wholescript.errors import RunError
from wholescript.evaluation.multiclass import DocumentPredictions
from wholescript.evaluation.multiclass_metrics import bootstrap
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run, RunStore


def find_document_runs(store: RunStore, names: Sequence[str]) -> dict[str, list[Run]]:
    """Return stored runs by what was trained, a list of seeds each, in the order of `names`.

    A name is `<set>/<model>` for all its seeds, or a run's own.

    Raises:
        RunError: no run has such a name; the message lists those there are.
    """
    known = document_run_names(store)
    found: dict[str, list[Run]] = {}
    for name in names:
        wanted = name.rstrip("/")
        of_model = [one for one in known if one == wanted or strip_seed(one) == wanted]
        if not of_model:
            raise RunError(f"no run is called {name!r}; there are: {', '.join(known) or 'none'}")
        for one in of_model:
            run = store.find(one)
            assert run is not None
            found.setdefault(strip_seed(one), []).append(run)
    return found


def document_run_names(store: RunStore) -> list[str]:
    """Return the names of all runs of classifiers of texts, sorted."""
    return [n for n in store.names() if (store.folder(n) / DocumentPredictions.FILE).exists()]


def strip_seed(name: str) -> str:
    """Return the name of a run without its seed."""
    stem, dash, seed = name.rpartition("-s")
    return stem if dash and seed.isdigit() else name


def mean_costs(runs: Sequence[Run]) -> dict[str, float]:
    """Return the mean over seeds of every number that has no interval: times, sizes.

    Of memory it is the highest: what a process took for its first seed it still has for the next.
    """
    names = [name for name, metric in runs[0].metrics.items() if metric.low is None]
    found = {
        name: [run.metrics[name].value for run in runs if name in run.metrics] for name in names
    }
    aggregate = {name: np.max if name == "peak_memory_gb" else np.mean for name in names}
    return {name: float(aggregate[name](values)) for name, values in found.items()}


def histories(runs: Mapping[str, Sequence[Run]]) -> dict[str, list[pd.DataFrame]]:
    """Return the epochs of each seed, of the models that are judged as classifiers in each.

    Models of language are not: their epochs tell of the next token.
    """
    found = {name: [run.history for run in seeds] for name, seeds in runs.items()}
    return {
        name: seeds
        for name, seeds in found.items()
        if any("held_out_macro_f1" in history for history in seeds)
    }


def metrics_of(predictions: DocumentPredictions) -> dict[str, Metric]:
    """Return every score of a run with its interval over texts."""
    # An eighth of the interval stands in for the spread over seeds, as for runs of one repeat.
    return {
        row.metric: Metric(row.value, row.low, row.high, (row.high - row.low) / 8)
        for row in bootstrap([predictions]).itertuples()
    }
