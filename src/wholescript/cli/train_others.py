"""Trainings with settings of their own: ensembles, headlines, end-to-end models, the predictor."""

from pathlib import Path
from typing import Annotated

from annotated_types import Ge
from cyclopts import Parameter

from wholescript.cli.options import DeviceOption, Store, open_workspace, print_epoch, print_run
from wholescript.cli.output import echo
from wholescript.settings import Seed

HeadlinesPath = Annotated[
    Path | None,
    Parameter(
        name="--path", help="Table, or text file with a headline a line; default: the hub data set."
    ),
]
NHeadlines = Annotated[
    int,
    Ge(10),  # headlines.VAL_ONE_IN
    Parameter(help="Number of headlines, in random order; the last tenth is for validation."),
]
Revision = Annotated[
    str, Parameter(help="Revision of the hub data set; give a commit for a fixed version.")
]


def ensemble(
    *runs: Annotated[str, Parameter(help="Runs or names of models, all of one binary data set.")],
    name: Annotated[str, Parameter(help="Name of the run.")] = "ensemble",
    store: Store = None,
) -> None:
    """Sum the log-probabilities of trained binary classifiers, weighted on validation.

    Example: `wholescript train ensemble imdb/nb-svm imdb/ngram-bayes`
    """
    from wholescript.errors import ParameterError
    from wholescript.experiments.documents.ensemble import Ensemble
    from wholescript.experiments.documents.runs import find_document_runs
    from wholescript.experiments.experiment import run as execute

    if len(runs) < 2:
        raise ParameterError(f"an ensemble needs at least two runs; given: {len(runs)}")
    workspace = open_workspace(store)
    of_models = find_document_runs(workspace.store, list(runs)).values()
    seeds = set.intersection(*({run.config["seed"] for run in found} for found in of_models))
    if not seeds:
        raise ParameterError(f"{', '.join(runs)} have no seed in common: train all with the same")
    for seed in sorted(seeds):
        members = [run for found in of_models for run in found if run.config["seed"] == seed]
        print_run(execute(Ensemble(name), members, workspace))


def headlines(
    step: Annotated[str, Parameter(help="Ablation step: baseline, adamw, rotary, ...")],
    *,
    path: HeadlinesPath = None,
    text_column: Annotated[str, Parameter(help="Column of the headlines.")] = "title",
    revision: Revision = "main",
    n_headlines: NHeadlines = 100_000,
    base_override: Annotated[
        tuple[str, ...],
        Parameter(help="NAME=VALUE set on the baseline before the ablation steps; repeatable."),
    ] = (),
    override: Annotated[
        tuple[str, ...], Parameter(help="NAME=VALUE set after the ablation steps; repeatable.")
    ] = (),
    seed: Annotated[tuple[Seed, ...], Parameter(help="Random seed; repeatable, one run each.")] = (
        1337,
    ),
    device: DeviceOption = None,
    name: Annotated[str | None, Parameter(help="Name of the run; default: the step.")] = None,
    store: Store = None,
) -> None:
    """Train a headline language model: an ablation step with all kept steps before it.

    Example: `wholescript train headlines adamw --n-headlines 20000 --override epochs=2`
    """
    from wholescript.data.headlines import load_headlines
    from wholescript.experiments.experiment import run as execute
    from wholescript.studies.headlines.ablation import config_after_step
    from wholescript.studies.headlines.experiment import HeadlineExperiment
    from wholescript.studies.headlines.train_config import parse_overrides
    from wholescript.training.allocator import tune_allocator
    from wholescript.training.hardware import use_hardware

    tune_allocator()
    if device:
        use_hardware(device)
    base_overrides, overrides = parse_overrides(base_override), parse_overrides(override)
    train_config, eval_context = config_after_step(step, base_overrides, overrides)
    data = load_headlines(path, n_headlines=n_headlines, text_column=text_column, revision=revision)
    facts = {"ablation_step": step, "base_overrides": base_overrides, "overrides": overrides}
    for one_seed in seed:
        experiment = HeadlineExperiment(name or step, train_config, eval_context, one_seed, facts)
        run = execute(experiment, data, open_workspace(store), on_epoch_end=print_epoch)
        bits_per_byte = run.metrics["bits_per_byte"]
        echo(
            f"{run.name}: {bits_per_byte.value:.4f} bits per byte "
            f"({bits_per_byte.low:.4f} to {bits_per_byte.high:.4f}), "
            f"{run.metrics['train_seconds'].value:,.0f} s"
        )


def end_to_end(
    films: Annotated[Path, Parameter(help="Parquet file with the texts of the screenplays.")],
    *,
    model: Annotated[
        tuple[str, ...], Parameter(help="Model to train; repeatable; default: all.")
    ] = (),
    pretrained: Annotated[
        tuple[str, ...],
        Parameter(
            help="Model of transformers to fine-tune, such as allenai/longformer-base-4096, "
            "state-spaces/mamba-130m-hf, answerdotai/ModernBERT-base or gpt2: a name on the hub, "
            "or a folder written by save_pretrained; repeatable."
        ),
    ] = (),
) -> None:
    """Train the encoders that need the texts on the bundled films; resumable.

    Example: `wholescript train end-to-end films.parquet --model scratch-causal`
    """
    from wholescript.experiments.store import RunStore
    from wholescript.experiments.workspace import Workspace, activate
    from wholescript.project import Project
    from wholescript.studies.screenplays.train_end_to_end import train_end_to_end
    from wholescript.training.allocator import tune_allocator

    tune_allocator()
    project = Project()
    activate(Workspace(project, RunStore(project.root / "results")))
    for run in train_end_to_end(films, model, pretrained):
        auc = run.metrics["auc"]
        echo(f"{run.name}: AUROC {auc.value:.3f} ({auc.low:.3f} to {auc.high:.3f})")


def predictor(
    *,
    output: Annotated[Path | None, Parameter(help="Output folder; default: model/.")] = None,
) -> None:
    """Fit the model of `predict film` on the bundled features; byte-identical each time.

    Example: `wholescript train predictor --output /tmp/model`
    """
    from wholescript.data.films import load_corpus
    from wholescript.features.build import load_features
    from wholescript.files import check_output_folder
    from wholescript.prediction.fit import make_predictor
    from wholescript.prediction.predictor import MODEL_DIR, save_predictor

    folder = output or MODEL_DIR
    check_output_folder(folder)
    corpus = load_corpus()
    fitted = make_predictor(corpus, load_features(corpus))
    save_predictor(fitted, folder)
    for name, metric in fitted.manifest["out_of_fold"].items():
        echo(f"{name}: {metric['value']:.3f} ({metric['low']:.3f} to {metric['high']:.3f})")
