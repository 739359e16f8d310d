"""Features of a corpus: read from the bundle or the cache, or computed film by film."""

import functools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.feature_extraction.text import TfidfTransformer
from tqdm import tqdm

from wholescript.data.films import Corpus, group_near_duplicates
from wholescript.errors import BundleError, DataError
from wholescript.features.bundle import ChunkEmbeddings, FilmFeatures, read_bundle, write_bundle
from wholescript.features.compression import PCARotation, QuantizationQuality
from wholescript.features.extract import (
    FeatureConfig,
    FilmRecord,
    extract_records,
    load_record,
    record_path,
    save_record,
    sha1_of,
)
from wholescript.features.layout import LAYOUT_NAMES, measure_layout
from wholescript.features.ngram_kernels import ngram_kernels
from wholescript.features.tokenizers import count_gpt2_tokens
from wholescript.features.word_counts import (
    N_QUARTERS,
    FilmWordCounts,
    WordCounts,
    count_words,
    stack_word_counts,
)
from wholescript.files import CACHE, ROOT

BUNDLE_FOLDER = ROOT / "data" / "screenplays"

BUNDLE_VERSION = 3  # raised by hand when groups or n-grams are made otherwise: bundles are cached

BUNDLED_FILM_COLUMNS = (
    *("film_id", "title", "year", "source", "core", "nominated_for_writing", "won_writing"),
    *("nominated", "won", "text_sha1", "n_chars", "n_words", "split"),
)


class Extractor(Protocol):
    """A function that extracts films: `extract_records` or `extract_records_on_ray`."""

    def __call__(
        self,
        texts: Iterable[tuple[str, str]],
        folder: Path,
        settings: FeatureConfig,
        *,
        total: int | None = None,
        progress: bool = True,
    ) -> dict[str, str]:
        """Write the records missing in `folder`; return the SHA-1 of each text by film id."""


def build_features(
    corpus: Corpus,
    folder: Path,
    settings: FeatureConfig | None = None,
    *,
    cache: Path = CACHE,
    extract: Extractor = extract_records,
    progress: bool = True,
) -> QuantizationQuality:
    """Extract the missing films of `corpus` and write its bundle to `folder`.

    After an interruption a second call continues with the missing films. The same texts and
    settings give the same bytes on the same machine, for either `extract`. Returns the error of
    the quantized embeddings.

    Raises:
        DataError: the corpus has no texts (source "bundled"), or a text is unusable.
        DependencyError: the package with the encoder's weights is not installed.
    """
    if corpus.texts is None:
        raise DataError("bundled films have no texts: use source 'local' or 'hub'")
    settings = (settings or FeatureConfig()).resolved()
    records_folder = _records_folder(cache, settings.key, corpus.fields)
    text_sha1s = extract(
        corpus.texts.items(), records_folder, settings, total=len(corpus), progress=progress
    )
    records = [
        _load_built_record(records_folder, film_id, sha1) for film_id, sha1 in text_sha1s.items()
    ]
    word_counts = stack_word_counts([record.word_counts for record in records])
    films = corpus.films[[name for name in BUNDLED_FILM_COLUMNS if name in corpus.films]].copy()
    words = [record.word_counts for record in records]
    films["group"] = _groups(corpus, words, cache, progress)
    films["n_gpt2_tokens"] = [record.n_gpt2_tokens for record in records]
    films["n_wordpiece_tokens"] = [record.n_wordpiece_tokens for record in records]
    films["n_chunks"] = counts = np.array([len(record.chunks) for record in records], np.int64)
    layout = np.stack([record.layout for record in records])
    films = films.join(pd.DataFrame(layout, columns=list(LAYOUT_NAMES)))
    vectors = np.concatenate([record.chunks for record in records])
    texts = tqdm(corpus.texts.values(), "n-grams", len(corpus), unit="film", disable=not progress)
    kernels = ngram_kernels(texts)
    return write_bundle(folder, films, word_counts, vectors, counts, kernels, settings.as_dict())


def load_features(
    corpus: Corpus,
    settings: FeatureConfig | None = None,
    *,
    bundle: Path = BUNDLE_FOLDER,
    cache: Path = CACHE,
    extract: Extractor = extract_records,
    progress: bool = True,
) -> FilmFeatures:
    """Return the features of a corpus, row by row, from the bundle or the cache.

    Features that are not in the cache, or damaged, are built.

    Raises:
        BundleError: the bundle is absent, damaged or without one of the films.
        DataError: a text cannot be used.
    """
    if corpus.texts is None:
        return read_bundle(bundle).select(corpus.film_ids)
    settings = (settings or FeatureConfig()).resolved()
    name = f"{corpus.provenance.fingerprint[:12]}-{settings.key}-{BUNDLE_VERSION}"
    folder = cache / "bundles" / name
    try:
        features = read_bundle(folder)
    except BundleError:
        build_features(corpus, folder, settings, cache=cache, extract=extract, progress=progress)
        features = read_bundle(folder)
    return features.select(corpus.film_ids)


def load_word_features(
    corpus: Corpus,
    *,
    bundle: Path = BUNDLE_FOLDER,
    cache: Path = CACHE,
    progress: bool = True,
) -> FilmFeatures:
    """Return the features of a corpus that need no encoder: word counts, layout, and no chunks.

    Of the bundled films they are read; of others they are computed, a record for each film, which
    is cached.

    Raises:
        BundleError: the bundle is absent, damaged or without one of the films.
    """
    if corpus.texts is None:
        return read_bundle(bundle).select(corpus.film_ids)
    records = _word_records(corpus.texts, corpus.fields, cache, progress)
    film_words = [record.word_counts for record in records]
    word_counts = stack_word_counts(film_words)
    n, nothing = len(records), np.zeros(0, np.float32)
    return FilmFeatures(
        corpus.film_ids,
        np.array(_groups(corpus, film_words, cache, progress), object),
        np.array([record.n_gpt2_tokens for record in records], np.int64),
        np.stack([record.layout for record in records]),
        word_counts,
        ChunkEmbeddings(
            np.zeros((0, 0), np.int8), np.zeros(n + 1, np.int64), PCARotation(nothing, nothing, 1.0)
        ),
        {"films": n, "vocabulary": len(word_counts.vocabulary), "settings": {"chunks": None}},
    )


def near_duplicate_pairs(
    corpus: Corpus,
    *,
    bundle: Path = BUNDLE_FOLDER,
    cache: Path = CACHE,
    progress: bool = True,
) -> pd.DataFrame:
    """Return the pairs of similar films; the columns are those of `group_near_duplicates`.

    Raises:
        BundleError: the bundle is absent or damaged.
    """
    if corpus.texts is None:
        counts = read_bundle(bundle).select(corpus.film_ids).word_counts.total
        return _near_duplicates(counts, corpus.film_ids, None)[1]
    words = _script_words(corpus, cache, progress)
    if words is None:
        return pd.DataFrame(columns=["film_a", "film_b", "similarity"])
    return _near_duplicates_of(words, corpus.film_ids)[1]


def _records_folder(cache: Path, name: str, fields: str) -> Path:
    """Return the folder of the records of all films, one for each input."""
    return cache / "records" / (name if fields == "script" else f"{name}-{fields}")


def _word_records(
    texts: Mapping[str, str], fields: str, cache: Path, progress: bool
) -> list[FilmRecord]:
    """Return the record of each text without chunks; those not in the cache are computed."""
    folder = _records_folder(cache, "words", fields)
    records = []
    shown = tqdm(texts.items(), "word counts", len(texts), unit="film", disable=not progress)
    for film_id, text in shown:
        path, sha1 = record_path(folder, film_id), sha1_of(text)
        record = load_record(path, sha1)
        if record is None:
            chunks = np.empty((0, 1), np.float16)
            layout = measure_layout(text)
            record = FilmRecord(count_gpt2_tokens(text), 0, count_words(text), layout, chunks)
            save_record(path, record, sha1)
        records.append(record)
    return records


def _load_built_record(folder: Path, film_id: str, text_sha1: str) -> FilmRecord:
    record = load_record(record_path(folder, film_id), text_sha1)
    if record is None:
        raise DataError(f"the features of {film_id} were deleted during the build: build again")
    return record


def _groups(
    corpus: Corpus, film_words: list[FilmWordCounts], cache: Path, progress: bool
) -> list[str]:
    """Return the group of each film, (n,): those of the corpus, joined where films are similar.

    Films are similar by their scripts, whatever the input is: titles share words by chance, and the
    folds are then the same for each input.
    """
    words = film_words if corpus.fields == "script" else _script_words(corpus, cache, progress)
    if words is None:
        warnings.warn(
            "near duplicates are not looked for, since the films have no scripts. Give drafts, "
            "remakes and sequels the same value in a column `group`.",
            stacklevel=2,
        )
        return [str(group) for group in corpus.groups]
    near, _ = _near_duplicates_of(words, corpus.film_ids)
    return _merge_groups(corpus.groups, near)


def _script_words(corpus: Corpus, cache: Path, progress: bool) -> list[FilmWordCounts] | None:
    """Return the word counts of the scripts of a corpus; None if it has none."""
    if corpus.scripts is None:
        return None
    records = _word_records(corpus.scripts, "script", cache, progress)
    return [record.word_counts for record in records]


def _near_duplicates_of(
    film_words: list[FilmWordCounts], film_ids: Sequence[str]
) -> tuple[NDArray[np.object_], pd.DataFrame]:
    """Return groups and pairs of films by their words, as `group_near_duplicates` does."""
    counts = stack_word_counts(film_words, vocabulary=_reference().vocabulary).total
    n_words = np.array([film.counts[:, :N_QUARTERS].sum(dtype=np.int64) for film in film_words])
    return _near_duplicates(counts, film_ids, n_words)


def _near_duplicates(
    counts: csr_matrix, film_ids: Sequence[str], n_words: NDArray[np.int64] | None
) -> tuple[NDArray[np.object_], pd.DataFrame]:
    """Return groups and pairs by counts (n, V) of the words of the bundled films."""
    idf = TfidfTransformer().fit(_reference().total).idf_
    return group_near_duplicates(counts, film_ids, idf, n_words=n_words)


@functools.cache
def _reference() -> WordCounts:
    """Return the word counts of the bundled films, from which words get their TF-IDF weights."""
    return read_bundle(BUNDLE_FOLDER).word_counts


def _merge_groups(*groupings: Sequence[str] | NDArray[np.object_]) -> list[str]:
    """Return the connected components of films that share a group in any grouping, (n,) each."""
    n = len(groupings[0])
    columns, offset = [], 0
    for grouping in groupings:
        codes, names = pd.factorize(np.asarray(grouping, object))
        columns.append(codes + offset)
        offset += len(names)
    rows = np.tile(np.arange(n), len(columns))
    links = csr_array((np.ones(len(rows)), (rows, np.concatenate(columns))), shape=(n, offset))
    component = connected_components(links @ links.T, directed=False)[1]
    first = np.unique(component, return_index=True)[1]
    return [str(groupings[0][first[label]]) for label in component]
