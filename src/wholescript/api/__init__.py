"""The Python API: load data, train, evaluate, predict, save and load; films and labelled texts.

    import wholescript as ws

    tickets = ws.load_documents("tickets.csv")
    model = ws.train("tfidf-svm", tickets)
    print(model.evaluate())
    model.predict(["My card was stolen"])
    model.save("tickets-model")

Runs are stored in `_build/results`: a second call with the same settings and data finds the run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wholescript.api.estimators import FILM_MODELS
from wholescript.errors import ParameterError
from wholescript.experiments.documents.estimators import DOCUMENT_MODELS
from wholescript.prediction.tables import predict_table
from wholescript.training.hardware import use_hardware

if TYPE_CHECKING:
    import pandas as pd

    from wholescript.api.documents import DocumentModel
    from wholescript.api.films import FilmModel, Films
    from wholescript.data.labelled import LabelledDataset

__all__ = [
    "cross_validate",
    "list_models",
    "load",
    "load_documents",
    "load_films",
    "predict_table",
    "train",
    "tune",
    "use_hardware",
]


def list_models() -> "pd.DataFrame":
    """Return the models by the name that `train` takes: what they are, and what for.

    >>> list_models().loc["tfidf-svm", "model"]
    'TF-IDF + linear SVM'
    """
    import pandas as pd

    rows = [
        (name, display_name, data)
        for table, data in ((DOCUMENT_MODELS, "labelled texts"), (FILM_MODELS, "films"))
        for name, (display_name, *_) in table.items()
    ]
    return pd.DataFrame(rows, columns=["name", "model", "data"]).set_index("name")


def load_documents(source: "str | Path", **options: Any) -> "LabelledDataset":
    """Clean labelled texts and split them into train, validation and test, or read prepared ones.

    >>> tickets = load_documents("tickets.csv", text_column="message")  # doctest: +SKIP

    Args:
        source: a CSV, TSV, JSON lines or Parquet file, a folder of them, `banking77` or another
            registered data set, `OWNER/NAME` of the Hugging Face Hub, or a prepared data set.
        **options: those of `wholescript data prepare`: `path` (local copy of a registered data
            set), `name`, `text_column`, `label_column`, `keep_columns`, `seed`, `limit`,
            `validation_share`, `test_share`, `drop_conflicts`, `holdout_block_size`, ...

    Raises:
        DataError: the data cannot be used; the message says why.
        ParameterError: an option has an unknown name or a value out of range.
    """
    from wholescript.api.documents import load_documents as load_labelled

    return load_labelled(source, **options)


def load_films(
    source: "str | Path" = "bundled",
    *,
    path: "str | Path | None" = None,
    target: str = "nominated_for_writing",
    scale: str = "cpu",
    seed: int = 0,
    fields: str = "script",
    split: str = "random",
    embeddings: "str | Path | Sequence[str | Path]" = (),
    embeddings_columns: "str | Sequence[str]" = (),
    id_column: str | None = None,
    vector_column: str | None = None,
) -> "Films":
    """Load screenplays: the bundled features, a Parquet file of one's own, or `hub`.

    >>> films = load_films("films.parquet")  # doctest: +SKIP
    >>> films = load_films("hub", fields="summary", split="published")  # doctest: +SKIP

    Args:
        source: `bundled`, `hub`, or a Parquet file with the columns film_id, title, year, text and
            the target.
        path: a local copy of the hub's data set.
        target: the label column.
        scale: the cross-validation: `smoke` (2 folds of a sample of the films, and of their first
            chunks), `cpu` (5 folds, 5 repeats) or `full` (20 repeats).
        seed: of the folds and trainings.
        fields: the input: `script`, `summary`, `title`, or `all` of them, joined in the order
            title, summary, script. A Parquet file then has the column `summary` too.
        split: `random` folds, or the `published` split of the films (hub, or a column `split` with
            train, validation and test): all of the films, whatever the scale.
        embeddings: file or files with precomputed embeddings, for the model `embeddings`: `.npy` or
            `.safetensors` with a row for each film, in order, or Parquet with ids and vectors. The
            vectors of several are put side by side.
        embeddings_columns: column or columns of vectors in the data set itself.
        id_column: column of the ids in a Parquet file of embeddings; default: film_id, imdb_id or
            title.
        vector_column: column of the vectors there, or the tensor in a `.safetensors` file; default:
            the only one.

    Raises:
        DataError, BundleError, ParameterError: the films cannot be used; the message says why.
    """
    from wholescript.api.films import load_films as load_screenplays

    return load_screenplays(
        source,
        path=path,
        target=target,
        scale=scale,
        seed=seed,
        fields=fields,
        split=split,
        embeddings=[embeddings] if isinstance(embeddings, str | Path) else embeddings,
        embeddings_columns=(
            [embeddings_columns] if isinstance(embeddings_columns, str) else embeddings_columns
        ),
        id_column=id_column,
        vector_column=vector_column,
    )


def train(
    model: str,
    data: "LabelledDataset | Films",
    *,
    seed: int = 0,
    device: str | None = None,
    name: str | None = None,
    store: "str | Path | None" = None,
    progress: bool = True,
    **settings: Any,
) -> "DocumentModel | FilmModel":
    """Train a model and evaluate it, or return the stored run with the same settings and data.

    A model of labelled texts is evaluated on the test split; one of films out of fold, and then
    fitted on all films for `predict`.

    >>> model = train("scratch", tickets, epochs=3, class_weight="balanced")  # doctest: +SKIP

    Args:
        model: a name of `list_models()`.
        data: what `load_documents` or `load_films` returns.
        seed: of the training (labelled texts; films have that of `load_films`).
        device: `auto`, `cpu`, `cuda` or `mps`; None: as `use_hardware` has set it.
        name: of the run; by default that of the model and of the changed settings.
        store: folder of runs, by default `_build/results`.
        progress: show progress.
        **settings: of the model, such as `epochs`, `learning_rate`, `lora_rank`, `class_weight`,
            `refit`; for labelled texts also `n_train`, `label_column` and `max_eval`.

    Raises:
        ParameterError: there is no such model or setting; the message suggests the nearest name.
        DataError: the data cannot be used.
    """
    from wholescript.data.labelled import LabelledDataset

    if device is not None:
        use_hardware(device)
    if isinstance(data, LabelledDataset):
        from wholescript.api.documents import train_documents

        return train_documents(model, data, seed, name, store, progress, settings)
    from wholescript.api.films import Films, train_films

    if not isinstance(data, Films):
        kind = type(data).__name__
        raise ParameterError(f"data is a {kind}: give what load_documents or load_films returns")
    if seed:
        raise ParameterError(f"seed={seed}: the seed of films is that of load_films")
    return train_films(model, data, name, store, progress, settings)


def load(path: "str | Path") -> "DocumentModel | FilmModel":
    """Return a model that `model.save` wrote, or that of a stored run of labelled texts.

    >>> model = load("tickets-model")  # doctest: +SKIP
    >>> model = load("tickets/tfidf-svm-s0")  # doctest: +SKIP

    Raises:
        DataError: the folder is damaged, or holds no saved model.
        RunError: there is no such run, or its weights are not on this computer.
    """
    from wholescript.api.documents import open_run, read_document_model
    from wholescript.api.saved import read_saved

    if not Path(path).exists():
        return open_run(str(path))
    saved = read_saved(Path(path))
    if saved.kind == "documents":
        return read_document_model(saved)
    from wholescript.api.films import read_film_model

    return read_film_model(saved)


def cross_validate(
    model: str,
    data: "LabelledDataset",
    *,
    n_folds: int = 5,
    seed: int = 0,
    include_test: bool = False,
    name: str | None = None,
    store: "str | Path | None" = None,
    progress: bool = True,
    **settings: Any,
) -> "pd.DataFrame":
    """Cross-validate a model of labelled texts; return metrics with intervals over the texts.

    The folds are stratified by class, and copies of a text are in one fold. They are of training
    and validation texts, and with `include_test` of all texts: then nothing is left to report a
    model on that was chosen here. `std` is the standard deviation over the folds.

    >>> cross_validate("tfidf-svm", tickets, n_folds=10)  # doctest: +SKIP

    Raises:
        ParameterError: there is no such model or setting, or too few folds.
        DataError: a class has too few texts for the folds.
    """
    from wholescript.api.documents import cross_validate_documents

    return cross_validate_documents(
        model, data, n_folds, seed, include_test, name, store, progress, settings
    )


def tune(
    model: str,
    data: "LabelledDataset",
    space: dict[str, Any],
    *,
    trials: int = 20,
    seed: int = 0,
    workers: int | None = None,
    address: str | None = None,
    name: str | None = None,
    store: "str | Path | None" = None,
    **settings: Any,
) -> "pd.DataFrame":
    """Search settings at random with Ray Tune; return the trials, best validation macro-F1 first.

    A list in `space` is one of its values, a pair `(low, high)` a number between: on a log scale
    if high is ten times low or more. Needs `make cluster`. The test split is not used.

    >>> trials = tune("scratch", tickets, {"learning_rate": (1e-4, 1e-2)})  # doctest: +SKIP

    Raises:
        ParameterError: there is no such model or setting, or the space is invalid.
        RunError: Ray is not installed, or all trials failed.
    """
    from wholescript.api.documents import tune_documents

    return tune_documents(model, data, space, trials, seed, workers, address, name, store, settings)
