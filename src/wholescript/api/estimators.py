"""Models of films by the names of the Python API, and the names of their runs.

Importing it loads no model code.
"""

import re
from collections.abc import Mapping
from typing import Any

from wholescript.errors import ParameterError, did_you_mean
from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.experiments.documents.estimators import with_settings

FILM_MODELS = {
    name: (MODEL_DISPLAY_NAMES[name], name.replace("-", " "))
    for name in (
        "tfidf-logistic",
        "mean-pooling",
        "gated-attention",
        "query-decoder",
        "transformer-encoder",
        "linear-attention",
        "embeddings",
    )
}
"""The models of films: display name, and name in `studies.screenplays.models.configurations`."""
OF_WORDS = ("tfidf-logistic", "embeddings")
"""The models that need no embeddings of chunks, and so no encoder."""

MAX_SUFFIX = 60  # characters of a run's name


def film_estimator(model: str, settings: Mapping[str, Any], profile: Any) -> Any:
    """Return the untrained estimator of a model of films; `profile` is a `RunProfile`.

    Raises:
        ParameterError: there is no such model or setting, or a value is out of range.
    """
    from wholescript.models.films.embedding import EmbeddingLR
    from wholescript.models.films.stacking import StackingEnsemble
    from wholescript.models.films.tfidf import TfidfLR
    from wholescript.studies.screenplays.models import configurations

    if model not in FILM_MODELS:
        hint = did_you_mean(model, FILM_MODELS)
        raise ParameterError(f"there is no model {model!r} of films{hint}")
    if model == "tfidf-logistic":  # with one member, stacking is recalibration
        return StackingEnsemble([with_settings(TfidfLR(), model, settings)], name=model)
    if model == "embeddings":
        return with_settings(EmbeddingLR(), model, settings)
    size = (profile.epochs, profile.n_inner_folds)
    known = configurations.aggregators(*size) | configurations.self_attention_aggregators(*size)
    return with_settings(known[FILM_MODELS[model][1]], model, settings)


def run_label(name: str, settings: Mapping[str, Any]) -> str:
    """Return the name of a run: that of the model with its changed settings, without dots.

    >>> run_label("tfidf-svm", {"min_df": 2, "Cs": [0.5]})
    'tfidf-svm-Cs-0_5-min_df-2'
    """
    from wholescript.experiments.key import hash_json

    values = {
        key: re.sub(r"[^\w-]+", "_", str(settings[key])).strip("_") for key in sorted(settings)
    }
    label = "-".join([name, *(f"{key}-{value}" for key, value in values.items())])
    return label if len(label) <= MAX_SUFFIX else f"{name}-{hash_json(values)[:8]}"
