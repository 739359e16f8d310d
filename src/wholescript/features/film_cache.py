"""A cache of one array per script, in files that are named after the SHA-1 of the texts."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import safetensors
from numpy.typing import NDArray
from safetensors.numpy import load_file, save
from tqdm import tqdm

from wholescript.errors import DataError
from wholescript.files import write_atomic

Text = TypeVar("Text")


def cache_arrays(
    scripts: Iterable[tuple[str, Text]],
    path_of: Callable[[str], Path],
    compute: Callable[[Text], NDArray[Any]],
    name: str,
    *,
    title: str,
    total: int | None = None,
) -> None:
    """Write the array `name` that `compute` returns for each script, (SHA-1 of the text, text).

    In place of the text may stand what identifies it for `compute`. Scripts that are in the cache
    are skipped, so an interrupted run can be continued. `title` and `total`, the number of scripts,
    are for the progress bar.
    """
    for sha1, text in tqdm(scripts, title, total, unit="film"):
        path = path_of(sha1)
        if not path.exists():
            write_atomic(path, save({name: compute(text)}))


def load_cached_arrays(
    text_sha1s: Sequence[str], path_of: Callable[[str], Path], name: str, *, what: str
) -> list[NDArray[Any]]:
    """Return the arrays that `cache_arrays` wrote for the scripts with these hashes, in order.

    Raises:
        DataError: scripts are not in the cache or damaged; the message gives their number.
    """
    arrays, n_missing = [], 0
    for sha1 in text_sha1s:
        try:
            arrays.append(load_file(path_of(sha1))[name])
        except (FileNotFoundError, safetensors.SafetensorError):
            n_missing += 1
    if n_missing:
        raise DataError(
            f"the {what} of {n_missing} of {len(text_sha1s)} films are not in the cache: call "
            "`cache_inputs` of the model with the texts of all films"
        )
    return arrays
