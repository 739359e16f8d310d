"""Features of a corpus: read from the bundle or the cache, or computed film by film."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
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
from wholescript.features.tokenizers import count_gpt2_tokens
from wholescript.features.word_counts import MIN_DF, count_words, stack_word_counts
from wholescript.files import CACHE, ROOT

BUNDLE_FOLDER = ROOT / "data"

N_BUNDLED_FILMS = 1_364

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
    records_folder = cache / "records" / settings.key
    text_sha1s = extract(
        corpus.texts.items(), records_folder, settings, total=len(corpus), progress=progress
    )
    records = [
        _load_built_record(records_folder, film_id, sha1) for film_id, sha1 in text_sha1s.items()
    ]
    word_counts = stack_word_counts([record.word_counts for record in records])
    films = corpus.films[[name for name in BUNDLED_FILM_COLUMNS if name in corpus.films]].copy()
    films["group"] = _near_duplicate_groups(corpus, records)
    films["n_gpt2_tokens"] = [record.n_gpt2_tokens for record in records]
    films["n_wordpiece_tokens"] = [record.n_wordpiece_tokens for record in records]
    films["n_chunks"] = counts = np.array([len(record.chunks) for record in records], np.int64)
    layout = np.stack([record.layout for record in records])
    films = films.join(pd.DataFrame(layout, columns=list(LAYOUT_NAMES)))
    vectors = np.concatenate([record.chunks for record in records])
    return write_bundle(folder, films, word_counts, vectors, counts, settings.as_dict())


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
    folder = cache / "bundles" / f"{corpus.provenance.fingerprint[:12]}-{settings.key}"
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
    folder = cache / "records" / "words"
    records = []
    texts = tqdm(
        corpus.texts.items(), "word counts", len(corpus), unit="film", disable=not progress
    )
    for film_id, text in texts:
        path, sha1 = record_path(folder, film_id), sha1_of(text)
        record = load_record(path, sha1)
        if record is None:
            chunks = np.empty((0, 1), np.float16)
            layout = measure_layout(text)
            record = FilmRecord(count_gpt2_tokens(text), 0, count_words(text), layout, chunks)
            save_record(path, record, sha1)
        records.append(record)
    word_counts = stack_word_counts([record.word_counts for record in records])
    n, nothing = len(records), np.zeros(0, np.float32)
    return FilmFeatures(
        corpus.film_ids,
        np.array(_near_duplicate_groups(corpus, records), object),
        np.array([record.n_gpt2_tokens for record in records], np.int64),
        np.stack([record.layout for record in records]),
        word_counts,
        ChunkEmbeddings(
            np.zeros((0, 0), np.int8), np.zeros(n + 1, np.int64), PCARotation(nothing, nothing, 1.0)
        ),
        {"films": n, "vocabulary": len(word_counts.vocabulary), "settings": {"chunks": None}},
    )


def _load_built_record(folder: Path, film_id: str, text_sha1: str) -> FilmRecord:
    record = load_record(record_path(folder, film_id), text_sha1)
    if record is None:
        raise DataError(f"the features of {film_id} were deleted during the build: build again")
    return record


def _near_duplicate_groups(corpus: Corpus, records: Sequence[FilmRecord]) -> list[str]:
    """Return the group of each film, (n,): those of the corpus, joined where films are similar.

    The threshold of similarity was set on words of at least 5 in 1,364 films. Of few films, words
    of 5 are common ones, which all scripts share: their vocabulary is taken in proportion.
    """
    min_df = min(max(round(len(records) * MIN_DF / N_BUNDLED_FILMS), 1), MIN_DF)
    counts = stack_word_counts([record.word_counts for record in records], min_df)
    near, _ = group_near_duplicates(counts.total, corpus.film_ids)
    return _merge_groups(corpus.groups, near)


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
