"""`wholescript tune`: hyperparameter search with Ray Tune."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from wholescript.cli.options import FilmsPath, FilmsSource, RayAddress, Workers
from wholescript.cli.output import echo
from wholescript.settings import PositiveInt


def tune(
    space: Annotated[Path, Parameter(help="Search space, for example search/aggregators.yaml.")],
    *,
    address: RayAddress = None,
    workers: Workers = None,
    trials: Annotated[PositiveInt, Parameter(help="Number of trials.")] = 80,
    name: Annotated[
        str | None, Parameter(help="Name of the result; default: that of the space's file.")
    ] = None,
    source: FilmsSource = "bundled",
    path: FilmsPath = None,
) -> None:
    """Search hyperparameters with Ray Tune; the same command resumes the search."""
    from wholescript.data.films import load_corpus
    from wholescript.features.build import load_features
    from wholescript.files import shown_path
    from wholescript.models.films.estimator import FilmDataset
    from wholescript.project import Project
    from wholescript.studies.screenplays.search.results import write_search
    from wholescript.studies.screenplays.search.run import search
    from wholescript.studies.screenplays.search.space import read_space

    project, found = Project(), read_space(space)
    name = name or space.stem
    corpus = load_corpus(source, path, target=found.protocol.target)
    features = load_features(corpus)
    origin = corpus.provenance
    result = search(
        found,
        FilmDataset(corpus.films, corpus.labels, features.groups, features),
        project.build / "search" / name,
        data={"location": origin.location, "fingerprint": origin.fingerprint},
        n_trials=trials,
        address=address,
        n_workers=workers,
    )
    stored = project.root / "results" / "search" / f"{name}.json"
    write_search(result, stored)
    best = result.best
    for hyperparameter, value in best.config.items():
        if hyperparameter not in best.inactive:
            echo(f"{hyperparameter}: {value}")
    last = best.history[-1]
    echo(
        f"best of {len(result.trials)} trials: validation loss {last['val_loss']:.4f}, "
        f"AUROC {last['val_auc']:.4f}; wrote {shown_path(stored)}"
    )
