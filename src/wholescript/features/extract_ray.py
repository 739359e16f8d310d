"""Extraction over a Ray cluster: the records that `extract_records` makes, made on any machines.

Texts go out and records come back through Ray, and this process writes them: the nodes share no
folder, and need no more than this package and the encoder.
"""

import logging
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm.auto import tqdm

from wholescript.cluster import cluster, ray
from wholescript.errors import WholeScriptError
from wholescript.features.chunks import Chunking
from wholescript.features.extract import (
    FeatureConfig,
    extract_film,
    load_record,
    record_path,
    serialize_record,
    sha1_of,
)
from wholescript.features.pretrained_encoders import ChunkEncoder, load_encoder
from wholescript.files import write_atomic

FILMS_PER_BATCH = 512
"""Texts that Ray holds in memory: about 100 MB of whole screenplays."""


def extract_records_on_ray(
    texts: Iterable[tuple[str, str]],
    folder: Path,
    settings: FeatureConfig,
    *,
    total: int | None = None,
    progress: bool = True,
    address: str | None = None,
    workers: int | None = None,
) -> dict[str, str]:
    """Extract every (film_id, text) whose record is not yet in `folder`, as `extract_records` does.

    `address` names a Ray cluster; without it `workers` processes of this machine share the films.
    A record is written as soon as its film is done, so that a killed extraction goes on from
    there, with this engine or the local one. Nodes with processors of one kind give the same bytes.

    Raises:
        BundleError: a node lacks the package with the encoder's weights.
        RunError: no cluster answers at `address`.
    """
    settings = settings.resolved()
    fingerprints: dict[str, str] = {}

    def missing() -> Iterator[dict[str, str]]:
        for film_id, text in texts:
            fingerprints[film_id] = sha1 = sha1_of(text)
            if load_record(record_path(folder, film_id), sha1) is None:
                yield {"film_id": film_id, "text": text, "text_sha1": sha1}
            else:
                bar.update()

    with tqdm(total=total, unit="film", desc="features", disable=not progress) as bar:
        films = missing()
        first = next(films, None)
        if first is None:
            return fingerprints
        with cluster(address, workers):
            while part := [first, *islice(films, FILMS_PER_BATCH - 1)] if first else []:
                for film_id, record in _extracted(part, settings):
                    write_atomic(record_path(folder, film_id), record)
                    bar.update()
                first = next(films, None)
    return fingerprints


def _extracted(films: list[dict[str, str]], settings: FeatureConfig) -> Iterator[tuple[str, bytes]]:
    """Yield the id and the record of each film, in the order in which they are done."""
    # It would print a failure, which is raised here, and a bar of its own.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.raise_original_map_exception = True
    actors = min(len(films), int(ray.cluster_resources()["CPU"]))
    # A block a film: each comes back as soon as it is done, and a lost node costs no other.
    done = ray.data.from_items(films, override_num_blocks=len(films)).map(
        _Extractor,  # type: ignore[arg-type]  # a class is an actor, which its hint leaves out
        fn_constructor_args=(settings,),
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=1,
    )
    try:
        for row in done.iter_rows():
            yield row["film_id"], row["record"]
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, WholeScriptError):
            # Ray adds lines of advice that are none.
            raise type(error.cause)(str(error.cause).splitlines()[0]) from None
        raise


class _Extractor:
    """Works on one film after another, on one core, in a process of Ray's."""

    def __init__(self, settings: FeatureConfig) -> None:
        torch.set_num_threads(1)
        self.settings = settings

    def __call__(self, film: dict[str, Any]) -> dict[str, Any]:
        """Return the record of a film as the bytes of its file."""
        record = extract_film(film["text"], *self.encoder_and_chunking)
        return {"film_id": film["film_id"], "record": serialize_record(record, film["text_sha1"])}

    @cached_property
    def encoder_and_chunking(self) -> tuple[ChunkEncoder, Chunking]:
        """The encoder, loaded at the first film, whose error is then the film's."""
        settings = self.settings
        encoder = load_encoder(settings.n_layer, settings.engine, settings.precision)
        return encoder, Chunking(settings.chunk_length, settings.chunk_overlap)
