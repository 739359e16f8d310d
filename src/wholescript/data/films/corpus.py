"""A corpus: films, the label to predict, and the provenance of the data."""

import hashlib
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from wholescript.data.films.checks import (
    check_no_text_leakage,
    check_splits,
    check_two_classes,
)
from wholescript.data.films.fields import fields_of
from wholescript.data.films.labels import TARGETS, check_target
from wholescript.data.films.scripts import ScreenplayTexts, measure_texts
from wholescript.data.films.sources import (
    HUB_REVISION,
    FilmSource,
    read_bundled,
    read_hub,
    read_local,
)
from wholescript.errors import DataError, ParameterError
from wholescript.files import ROOT

SOURCES = ("bundled", "local", "hub")
FINGERPRINT_COLUMNS = (
    *("film_id", "title", "year", "source", *TARGETS, "core"),
    *("n_words", "group", "split", "text_sha1"),
)


@dataclass(frozen=True)
class DataProvenance:
    """The source of a corpus, a location without machine-specific paths, and a fingerprint.

    `fingerprint` is a SHA-256 in hex over the target and the films: ids, titles, years, labels,
    groups, splits and the hashes of the texts.
    """

    source: str
    location: str
    fingerprint: str

    def as_dict(self) -> dict[str, str]:
        """Return the fields as a dictionary."""
        return dict(vars(self))


@dataclass(frozen=True)
class Corpus:
    """n films with the label to predict.

    `films` is a table with a RangeIndex and the columns film_id, title, source, group, text_sha1
    (str), year, n_words (int64), core (bool), those of the four labels that the source has
    (bool), split (str) where the source has splits, and further measures. `target` names the
    label column. `texts` maps film ids to the input of models, which `fields` names (see
    `load_corpus`), and reads it on access; bundled films have none. `origin` is the source, with
    the films that were left out.
    """

    films: pd.DataFrame
    target: str
    provenance: DataProvenance
    texts: ScreenplayTexts | None
    fields: str = "script"
    origin: FilmSource | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        """Return the number of films."""
        return len(self.films)

    @property
    def film_ids(self) -> list[str]:
        """The unique ids of the films, in order."""
        return self.films["film_id"].tolist()

    @property
    def labels(self) -> NDArray[np.int8]:
        """The target, int8 of shape (n,): 1 is positive."""
        return self.films[self.target].to_numpy(dtype=np.int8)

    @property
    def groups(self) -> NDArray[np.object_]:
        """A group name per film, shape (n,): near duplicates are in one group."""
        return self.films["group"].to_numpy(dtype=object)

    @property
    def scripts(self) -> ScreenplayTexts | None:
        """The scripts, whatever the input is; None if the source has none."""
        return self.text_of("script")

    def text_of(self, name: str) -> ScreenplayTexts | None:
        """Return the texts of one field alone; None if the source has no such field."""
        if self.fields == name:
            return self.texts
        found = None if self.origin is None else self.origin.texts([name])
        return None if found is None else found.select(self.film_ids)

    def select(self, indices: ArrayLike) -> "Corpus":
        """Return the films at `indices`, or where a mask (n,) is true, with a new fingerprint."""
        selected = np.arange(len(self))[np.asarray(indices)]
        films = self.films.iloc[selected].reset_index(drop=True)
        return replace(
            self,
            films=films,
            provenance=replace(self.provenance, fingerprint=fingerprint(films, self.target)),
            texts=None if self.texts is None else self.texts.select(films["film_id"]),
        )

    def sample(self, n: int, *, seed: int) -> "Corpus":
        """Draw `n` films at random, stratified by label, and keep their order.

        Raises ParameterError unless 2 <= n < number of films.
        """
        if not 2 <= n < len(self):
            raise ParameterError(
                f"cannot sample {n} of {len(self)} films: choose at least 2 and fewer than all."
            )
        splitter = StratifiedShuffleSplit(train_size=n, test_size=None, random_state=seed)
        indices, _ = next(splitter.split(np.zeros(len(self)), self.labels))
        return self.select(np.sort(indices))

    def sample_by_year(self, n: int, *, n_min: int, seed: int) -> "Corpus":
        """Draw `n` films, spread over the years, and keep their order.

        Each class has its share of the films, and at least `n_min`, or all that it has: few films
        then have both classes on each side of a split, by year too.

        Raises ParameterError unless n >= 2 * n_min.
        """
        if n < 2 * n_min:
            raise ParameterError(f"n={n} must be at least twice n_min={n_min}.")
        by_year = np.argsort(self.films["year"].to_numpy(), kind="stable")
        classes = [by_year[self.labels[by_year] == label] for label in (0, 1)]
        n_positive = min(max(round(n * self.labels.mean()), n_min), n - n_min, len(classes[1]))
        start = np.random.default_rng(seed).random()
        drawn = []
        for films, n_drawn in zip(classes, (n - n_positive, n_positive), strict=True):
            places = (np.arange(n_drawn) + start) * len(films) / n_drawn
            drawn.append(films[np.unique(places.astype(int))])
        return self.select(np.sort(np.concatenate(drawn)))


def load_corpus(
    source: str = "bundled",
    path: Path | str | None = None,
    *,
    target: str = "nominated_for_writing",
    core_only: bool = True,
    fields: str = "script",
    revision: str = HUB_REVISION,
    awards_table: Path | str | None = None,
    bundle_dir: Path = ROOT / "data" / "screenplays",
) -> Corpus:
    """Load and check the films of one source.

    Args:
        source: "bundled" (features in this repository, no texts), "local" (a Parquet file at
            `path`) or "hub" (Movie-O-Label; `path` may be the folder of a local copy).
        path: see `source`; not allowed with bundled films.
        target: the label to predict, one of TARGETS.
        core_only: leave out films whose `core` is false: early drafts of unproduced films, a
            collection of nominees only, one without capitals and punctuation, and transcripts.
        fields: the input: "script", "summary", "title", or "all" of them, joined in the order
            title, summary, script with an empty line between. Bundled films have features of
            their scripts only.
        revision: commit on the hub.
        awards_table: file or URL of the Academy Awards table, needed for the other labels of the
            hub's films.
        bundle_dir: the folder of the bundled features.

    Raises:
        ParameterError: source, target or fields are unknown, or `path` or `fields` do not go with
            the source.
        BundleError: the bundled features are absent or damaged.
        DataError: the films cannot be used; the message lists them and says what to do.
    """
    check_target(target)
    names = fields_of(fields)
    found = _read(source, path, target, fields, revision, awards_table, bundle_dir)
    films = found.films
    if core_only:
        films = films[films["core"]]
        if films.empty:
            raise DataError(f"{found.location} has no film with core=True. Pass core_only=False.")
    texts = found.texts(names)
    if texts is not None:
        texts = texts.select(films["film_id"])
        films = films.join(measure_texts(texts), on="film_id")
    # Different films may have one title. A leak between the hub's splits cannot be mended here:
    # whoever evaluates on them says how many test films are concerned.
    can_leak = fields != "title"
    films = _with_groups(films, check=can_leak and source != "hub").reset_index(drop=True)
    check_two_classes(films[target], found.location)
    if "split" in films:
        may_raise = can_leak and source != "hub"
        check_splits(films[target], films["text_sha1"] if may_raise else None, films["split"])
        if can_leak and not may_raise:
            _warn_of_leakage(films)
    provenance = DataProvenance(source, found.location, fingerprint(films, target))
    return Corpus(films, target, provenance, texts, fields, found)


def fingerprint(films: pd.DataFrame, target: str) -> str:
    """Return the SHA-256, in hex, of all that determines a result: target, films, labels, texts."""
    columns = [name for name in FINGERPRINT_COLUMNS if name in films]
    content = films[columns].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(f"{target}\n{content}".encode()).hexdigest()


def _read(
    source: str,
    path: Path | str | None,
    target: str,
    fields: str,
    revision: str,
    awards_table: Path | str | None,
    bundle_dir: Path,
) -> FilmSource:
    if source == "bundled":
        if path is not None:
            raise ParameterError(
                f"bundled films have no path, got {str(path)!r}: use source='local' for a file."
            )
        if fields != "script":
            raise ParameterError(
                f"fields={fields!r}: bundled films have features of their scripts only; use "
                "source='local' with a path, or source='hub'."
            )
        return read_bundled(bundle_dir)
    if source == "local":
        if path is None:
            raise ParameterError("source 'local' needs path, a Parquet file of films.")
        return read_local(Path(path), target, fields)
    if source == "hub":
        folder = None if path is None else Path(path)
        return read_hub(
            target, path=folder, revision=revision, awards_table=awards_table, fields=fields
        )
    raise ParameterError(f"source {source!r} is none of {', '.join(SOURCES)}.")


def _with_groups(films: pd.DataFrame, *, check: bool) -> pd.DataFrame:
    if "group" in films:
        if check:
            check_no_text_leakage(films["text_sha1"], films["group"], "group")
        return films
    return films.assign(group=films.groupby("text_sha1")["film_id"].transform("first"))


def _warn_of_leakage(films: pd.DataFrame) -> None:
    try:
        check_no_text_leakage(films["text_sha1"], films["split"], "split")
    except DataError as error:
        warnings.warn(str(error).partition(". ")[0], stacklevel=3)
