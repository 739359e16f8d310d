"""`wholescript train`: one command a model of labelled documents, made from the registry."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from wholescript.cli import train_others
from wholescript.cli.fields import PRETRAIN_EPOCHS, RUN, Option, build, options_of
from wholescript.cli.options import (
    Config,
    Data,
    DeviceOption,
    Store,
    load_labelled,
    open_workspace,
    print_epoch,
    print_run,
)
from wholescript.experiments.documents.settings import DataConfig
from wholescript.experiments.registry import find_model
from wholescript.experiments.train_commands import TRAIN_COMMANDS, TrainCommand
from wholescript.settings import Seed

FILMS_ONLY = ("chunk_dropout",)  # fields of TrainConfig that a document classifier ignores
UNLABELLED = "unlabelled"

Seeds = Annotated[
    tuple[Seed, ...], Parameter(name="--seed", help="Random seed; repeatable, one run each.")
]
Synthetic = Annotated[
    Path | None,
    Parameter(help="Folder of synthetic texts from `data generate` (with --n-synthetic)."),
]
Name = Annotated[str | None, Parameter(help="Name of the run; default: from the model.")]

group = App(name="train", help="Train a model; stores one run per seed.")


def train_command(entry: TrainCommand) -> Callable[..., None]:
    """Return the function of a command: its parameters are the options of the model."""
    options = options_of_model(entry)
    run_options = list(options_of(DataConfig, ("seed",)))

    def command(*args: Any, **kwargs: Any) -> None:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        _train(entry, options, run_options, bound.arguments)

    on_device = {"device": (DeviceOption, None)} if trains_on_device(options) else {}
    shared = on_device | {
        "seed": (Seeds, (0,)),
        "synthetic": (Synthetic, None),
        "name": (Name, None),
        "store": (Store, None),
        "config": (Config, None),
    }
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("data", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Data),
        *(option.parameter for option in options),
        *(
            option.parameter.replace(annotation=_in_group(option.parameter.annotation))
            for option in run_options
        ),
        *(
            inspect.Parameter(name, keyword, default=default, annotation=_in_group(hint))
            for name, (hint, default) in shared.items()
        ),
    ]
    signature = inspect.Signature(parameters)
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__doc__ = _help(entry)
    return command


def trains_on_device(options: list[Option]) -> bool:
    """Return whether a model is trained with PyTorch: these have the setting `bfloat16`."""
    return any(option.parameter.name == "bfloat16" for option in options)


def options_of_model(entry: TrainCommand) -> list[Option]:
    """Return the options of a model: one for each of its fields that it obeys."""
    without = (*FILMS_ONLY, *entry.without, *entry.fixed)
    return list(options_of(entry.load_settings(), without))


def _in_group(hint: Any) -> Any:
    return Annotated[hint, Parameter(group=RUN)]


def _help(entry: TrainCommand) -> str:
    verb = "" if entry.help.startswith("fine-tune") else "train "
    summary = f"{verb}{entry.help}"
    example = f"wholescript train {entry.name} questions {entry.example}".strip()
    return f"{summary[0].upper()}{summary[1:]}.\n\nExample: `{example}`"


def _train(
    entry: TrainCommand,
    options: list[Option],
    run_options: list[Option],
    values: dict[str, Any],
) -> None:
    """Train a model on a prepared data set once per seed, and print the metrics."""
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.train import DocumentExperiment
    from wholescript.experiments.experiment import run
    from wholescript.studies.generative.synthetic_data import load_synthetic
    from wholescript.training.allocator import tune_allocator
    from wholescript.training.hardware import use_hardware

    data, n_synthetic, folder = values["data"], values["n_synthetic"], values["synthetic"]
    if bool(folder) != bool(n_synthetic):
        raise ParameterError("--synthetic FOLDER and --n-synthetic NUMBER need each other")
    configs = [build(DataConfig, run_options, values, seed=seed) for seed in values["seed"]]
    tune_allocator()
    if values.get("device"):  # before the estimator, whose default precision depends on it
        use_hardware(values["device"])
    estimator = make_estimator(entry, options, values, lambda: _unlabelled(data))
    dataset = load_labelled(data)
    name = values["name"] or (entry.name if entry.fixed else None)
    for config in configs:
        texts = load_synthetic(folder, n_synthetic, dataset, config) if folder else None
        experiment = DocumentExperiment(estimator, config, name, texts)
        workspace = open_workspace(values["store"])
        print_run(run(experiment, dataset, workspace, on_epoch_end=print_epoch))


def make_estimator(
    entry: TrainCommand,
    options: list[Option],
    values: dict[str, Any],
    unlabelled: Callable[[], Any],
) -> Any:
    """Return the model with the values of its options; `unlabelled` reads the unlabelled texts."""
    cls = find_model(entry.model).load()
    fixed: dict[str, Any] = dict(entry.fixed)
    if epochs := values.get(PRETRAIN_EPOCHS):
        from dataclasses import replace

        from wholescript.training.settings import PRETRAIN_CONFIG

        fixed |= {"pretrain": replace(PRETRAIN_CONFIG, epochs=epochs)}
    takes_unlabelled = UNLABELLED in cls.__dataclass_fields__
    if takes_unlabelled and (epochs or PRETRAIN_EPOCHS not in values):
        fixed[UNLABELLED] = unlabelled()
    return build(cls, options, values, **fixed)


def _unlabelled(data: str) -> Any:
    split = load_labelled(data).splits.get("unsupervised")
    return split.texts if split else ()


def __getattr__(name: str) -> Callable[..., None]:
    """Return the function of the command of that name, made when it is called for."""
    if (command := name.replace("_", "-")) in TRAIN_COMMANDS:
        return train_command(TRAIN_COMMANDS[command])
    raise AttributeError(name)


for _order, _entry in enumerate(TRAIN_COMMANDS.values()):
    group.command(
        f"{__name__}:{_entry.name.replace('-', '_')}",
        name=_entry.name,
        help=_help(_entry),
        sort_key=_order,
    )
for _function in (
    train_others.ensemble,
    train_others.headlines,
    train_others.end_to_end,
    train_others.predictor,
):
    group.command(_function, sort_key=len(TRAIN_COMMANDS))
