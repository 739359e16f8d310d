"""Estimators of labelled texts by the names of their models, with settings by name.

Importing it loads no model code.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from wholescript.errors import ParameterError, did_you_mean
from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.experiments.registry import find_model
from wholescript.experiments.train_commands import TRAIN_COMMANDS
from wholescript.settings import OPTION

DOCUMENT_MODELS = {
    name: (MODEL_DISPLAY_NAMES.get(name) or find_model(entry.model).display_name, entry)
    for name, entry in TRAIN_COMMANDS.items()
}
"""The models of labelled texts: display name, and entry in the registry."""

NO_SETTINGS = {
    *("train_config", "pretrain", "unlabelled", "settings", "texts_to_embed", "cache", "progress"),
    *("name", "architecture", "quarters", "opening", "sparse", "dense", "kernel", "n_jobs"),
}


def document_estimator(
    model: str, settings: Mapping[str, Any], unlabelled: Sequence[str] = ()
) -> Any:
    """Return the untrained estimator of a model with changed settings.

    Settings are the fields of the estimator and of its training configuration, and, where it has a
    pretraining, `pretrain_epochs`, which also uses the `unlabelled` texts.

    Raises:
        ParameterError: there is no such model or setting, or a value is out of range.
    """
    if model not in DOCUMENT_MODELS:
        raise ParameterError(
            f"there is no model {model!r} of labelled texts{did_you_mean(model, DOCUMENT_MODELS)}"
        )
    _, entry = DOCUMENT_MODELS[model]
    untrained = find_model(entry.model).load()(**entry.fixed)
    estimator = with_settings(untrained, model, settings, {*entry.without, *entry.fixed})
    return replace(estimator, unlabelled=unlabelled) if _uses_unlabelled(estimator) else estimator


def with_settings(
    estimator: Any, model: str, settings: Mapping[str, Any], without: Collection[str] = ()
) -> Any:
    """Return a copy of an estimator with changed fields, those of its `train_config` included.

    Fields in `without` cannot be changed.

    Raises:
        ParameterError: it has no such setting, or a value is out of range.
    """
    known = {k: v for k, v in setting_names(estimator).items() if k not in without}
    aliases = {
        each.metadata[OPTION]: each.name for each in fields(estimator) if OPTION in each.metadata
    }
    own, training = dict[str, Any](), dict[str, Any]()
    for given, value in settings.items():
        name = aliases.get(given, given)
        if name not in known:
            raise ParameterError(
                f"{model} has no setting {given!r}{did_you_mean(given, [*known, *aliases])}"
            )
        target = training if known[name] == "train_config" else own
        target[name] = tuple(value) if isinstance(value, list) else value
    if epochs := own.pop("pretrain_epochs", 0):
        from wholescript.training.settings import PRETRAIN_CONFIG

        own["pretrain"] = replace(PRETRAIN_CONFIG, epochs=epochs)
    if training:
        own["train_config"] = replace(estimator.train_config, **training)
    try:
        return replace(estimator, **own)
    except TypeError as error:  # such as a text where a number is compared
        raise ParameterError(f"a setting of {model} has a wrong type ({error}): {own}") from None


def setting_names(estimator: Any) -> dict[str, str]:
    """Return the settings of an estimator, each with the field that holds it or its own name."""
    own = {f.name: f.name for f in fields(estimator) if f.init and f.name not in NO_SETTINGS}
    names = {name: name for name in own if not is_dataclass(getattr(estimator, name))}
    if hasattr(estimator, "train_config"):
        names |= {f.name: "train_config" for f in fields(estimator.train_config)}
    if hasattr(estimator, "pretrain"):
        names["pretrain_epochs"] = "pretrain"
    return names


def _uses_unlabelled(estimator: Any) -> bool:
    return hasattr(estimator, "unlabelled") and getattr(estimator, "pretrain", True) is not None
