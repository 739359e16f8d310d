"""Extraction on a Ray cluster, with the same records as `extract_records`.

Ray sends texts to the nodes and records back to this process, which writes them. The nodes need no
shared folder, only this package and the encoder.
"""

import logging
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from wholescript.cluster import ray, ray_cluster
from wholescript.errors import WholeScriptError
from wholescript.features.extract import (
    FeatureConfig,
    FilmExtractor,
    load_record,
    record_path,
    serialize_record,
    sha1_of,
)
from wholescript.files import write_atomic

FILMS_PER_BATCH = 512
"""Films submitted to Ray at once: about 100 MB of screenplays."""


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

    `address` is that of a Ray cluster; without it Ray runs `workers` local processes. Each record
    is written when its film is done, so an interrupted extraction can be continued, also with
    `extract_records`. Nodes with the same kind of CPU give the same bytes.

    Raises:
        DependencyError: a node does not have the package with the encoder's weights.
        RunError: no cluster answers at `address`.
    """
    settings = settings.resolved()
    text_sha1s: dict[str, str] = {}

    def missing() -> Iterator[dict[str, str]]:
        for film_id, text in texts:
            text_sha1s[film_id] = sha1 = sha1_of(text)
            if load_record(record_path(folder, film_id), sha1) is None:
                yield {"film_id": film_id, "text": text, "text_sha1": sha1}
            else:
                bar.update()

    with tqdm(total=total, unit="film", desc="features", disable=not progress) as bar:
        films = missing()
        first = next(films, None)
        if first is None:
            return text_sha1s
        with ray_cluster(address, workers):
            while batch := [first, *islice(films, FILMS_PER_BATCH - 1)] if first else []:
                for film_id, record in _extract_batch(batch, settings):
                    write_atomic(record_path(folder, film_id), record)
                    bar.update()
                first = next(films, None)
    return text_sha1s


def _extract_batch(
    films: list[dict[str, str]], settings: FeatureConfig
) -> Iterator[tuple[str, bytes]]:
    """Yield the id and the record of each film, in order of completion."""
    # Errors are raised below, and the caller shows the progress bar.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.raise_original_map_exception = True
    actors = min(len(films), int(ray.cluster_resources()["CPU"]))
    # One block per film: each is returned when it is done, and a lost node loses one film.
    done = ray.data.from_items(films, override_num_blocks=len(films)).map(
        _RayExtractor,
        fn_constructor_args=(settings,),
        compute=ray.data.ActorPoolStrategy(size=actors),
        num_cpus=1,
    )
    try:
        for row in done.iter_rows():
            yield row["film_id"], row["record"]
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, WholeScriptError):
            # Ray appends lines to the message.
            raise type(error.cause)(str(error.cause).splitlines()[0]) from None
        raise


class _RayExtractor:
    """A Ray actor that extracts one film at a time on one core."""

    def __init__(self, settings: FeatureConfig) -> None:
        torch.set_num_threads(1)
        self.extract = FilmExtractor(settings)

    def __call__(self, film: dict[str, Any]) -> dict[str, Any]:
        """Return the id of a film and the bytes of its record."""
        record = self.extract(film["text"])
        return {"film_id": film["film_id"], "record": serialize_record(record, film["text_sha1"])}
