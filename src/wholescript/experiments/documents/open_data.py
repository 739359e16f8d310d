"""The labelled data of a study: published runs only, bundled texts, a local file, or the hub."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wholescript.data.datasets import BUNDLED, DATASETS
from wholescript.data.labelled import (
    LabelledDataset,
    load_source,
    prepare,
    read_labelled_dataset,
    tell_preparation,
)
from wholescript.data.labelled.sources import LabelledSource
from wholescript.errors import DataError, ParameterError
from wholescript.experiments.documents.recipe import Recipe
from wholescript.experiments.key import hash_json
from wholescript.experiments.stored import StoredDataset
from wholescript.files import looked_in
from wholescript.project import Project

SOURCES = ("stored", "bundled", "local", "hub")


def open_datasets(
    project: Project,
    recipe: Recipe,
    *,
    source: str,
    path: str = "",
    text_column: str = "",
    label_column: str = "",
    classes: Sequence[str] = (),
    limit: int | None = None,
) -> dict[str, LabelledDataset | StoredDataset]:
    """Return the data sets of a study, by the name of the published one whose runs each has.

    Args:
        project: where prepared data sets are written, below its build folder.
        recipe: that of the study.
        source: `stored`: all published data sets, of which only runs are here; `bundled`: the texts
            in the repository; `local`: those in `path`; `hub`: the published data sets from the
            Hugging Face Hub at pinned revisions, or the one that `path` names.
        path: a CSV, TSV, JSON lines or Parquet file; a folder with train, test, ...; a folder with
            a folder of each published data set; or, of the hub, `owner/name`.
        text_column, label_column: default: inferred.
        classes: use only texts of these classes; default: all.
        limit: number of training texts, a stratified sample; default: all.

    A second preparation of texts, such as with other splits, is left out if they do not allow it;
    the reason is printed.

    Raises:
        ParameterError: the parameters contradict each other.
        DataError: there are no such texts, or they cannot be used; the message says why.
    """
    check_source(source, path)
    if source == "stored":
        if given := [one for one in (text_column, label_column, ",".join(classes)) if one]:
            raise ParameterError(
                f"source=stored has no texts to choose columns or classes of: {', '.join(given)} "
                "need source=bundled, local or hub"
            )
        return {name: StoredDataset(name) for name in recipe.datasets}
    options = {"text_column": text_column or None, "label_column": label_column or None}
    opened: dict[str, LabelledDataset | StoredDataset] = {}
    for name, (dataset, folder) in _places(project, recipe, source, path).items():
        own = {
            k: v for k, v in recipe.datasets[name].items() if k not in ("dataset", "keep_columns")
        }
        loaded = _load(recipe, name, dataset, folder)
        kept = [c for c in recipe.label_columns if c in loaded.splits["train"].frame]
        own |= options | {"keep_columns": kept, "classes": classes, "limit": limit}
        try:
            opened[name] = _prepared(project, loaded, own)
        except DataError as error:
            if not opened or dataset == recipe.registered(name):
                raise
            print(f"left out: {loaded.name}: {error}")
    return opened


def open_first_source(
    project: Project, recipe: Recipe, *, source: str, path: str = ""
) -> LabelledSource:
    """Return the first data set of a study as published: all its rows, in their order.

    Raises:
        ParameterError: the parameters contradict each other, or there are no texts (`stored`).
        DataError: there are no such texts.
    """
    check_source(source, path)
    if source == "stored":
        raise ParameterError("source=stored has runs and no texts")
    name, (dataset, folder) = next(iter(_places(project, recipe, source, path).items()))
    return _load(recipe, name, dataset, folder)


def check_source(source: str, path: str) -> None:
    """Raise ParameterError if `path` is missing, is not there, or contradicts the source."""
    if source not in SOURCES:
        raise ParameterError(f"source={source!r} must be one of {', '.join(SOURCES)}")
    if source in ("stored", "bundled") and path:
        raise ParameterError(f"source={source} reads no path: source=local for path={path!r}")
    if source == "local":
        if not path:
            raise ParameterError("source=local needs path=FILE, a table of texts")
        if not Path(path).exists():
            raise ParameterError(f"path={path!r} does not exist{looked_in(Path(path))}")


def _places(
    project: Project, recipe: Recipe, source: str, path: str
) -> dict[str, tuple[str, Path | None]]:
    """Return the data set and the folder to load, by the name of the published data set."""
    by_dataset = {name: recipe.registered(name) for name in recipe.datasets}
    if source == "hub" and not path:
        return {name: (dataset, None) for name, dataset in by_dataset.items()}
    if source == "hub":
        return {name: (path, None) for name in _following(recipe, path)}
    if source == "bundled":
        dataset = by_dataset[recipe.first] if by_dataset[recipe.first] in BUNDLED else BUNDLED[0]
        folder = project.root / "data" / dataset
        return {name: (dataset, folder) for name in _following(recipe, dataset)}
    given = Path(path)
    if all((given / dataset).is_dir() for dataset in by_dataset.values()):
        return {name: (dataset, given / dataset) for name, dataset in by_dataset.items()}
    dataset = given.stem if given.stem in DATASETS else str(given)
    return {name: (dataset, given) for name in _following(recipe, dataset)}


def _load(recipe: Recipe, name: str, dataset: str, folder: Path | None) -> LabelledSource:
    """Load a data set, which has the runs of the published one called `name`."""
    published = recipe.registered(name)
    shown = name if dataset == published else name.replace(recipe.first, Path(dataset).stem, 1)
    return load_source(dataset, folder, name=_as_name(shown))


def _following(recipe: Recipe, dataset: str) -> list[str]:
    """Return the published names of a data set, or those of the recipe's first data set."""
    names = [name for name in recipe.datasets if recipe.registered(name) == dataset]
    first = recipe.registered(recipe.first)
    return names or [name for name in recipe.datasets if recipe.registered(name) == first]


def _prepared(
    project: Project, source: LabelledSource, options: Mapping[str, Any]
) -> LabelledDataset:
    made_of = hash_json([dict(source.files), source.revision, {**options}])
    folder = project.build / "notebook_data" / f"{source.name}-{made_of[:8]}"
    try:
        return read_labelled_dataset(folder)
    except DataError:  # not there yet, or damaged
        metadata = prepare(source, folder, **options)
        if not source.registered:
            print(*tell_preparation(metadata), sep="\n")
        return read_labelled_dataset(folder)


def _as_name(text: str) -> str:
    """Return a text as the name of a data set."""
    return re.sub(r"[^\w.+-]+", "-", text).strip("-.+") or "texts"
