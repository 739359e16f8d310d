"""Loading a data set of the Hugging Face Hub, or a local folder of the same layout."""

import re
from typing import TYPE_CHECKING

from wholescript.errors import DataError

if TYPE_CHECKING:
    from datasets import DatasetDict

COMMIT = re.compile(r"[0-9a-f]{40}")


def load_hub_dataset(
    name: str, *, subset: str | None = None, revision: str | None = None, hint: str
) -> tuple["DatasetDict", str | None]:
    """Load all splits of `name`, owner/name of the hub or a folder, and return their commit.

    The commit is `revision` itself where the library does not report one. Raises DataError,
    ending in `hint`, when the data set cannot be loaded.
    """
    import datasets  # slow to import

    try:
        # The steps of load_dataset; the builder knows the commit that a branch points to.
        builder = datasets.load_dataset_builder(name, subset, revision=revision)
        builder.download_and_prepare()
        loaded = builder.as_dataset()
    # A missing network, an absent, gated or damaged data set raise many kinds of exceptions.
    except Exception as error:
        where = f"{name} at {revision}" if revision else name
        raise DataError(f"{where} cannot be loaded ({error}). {hint}") from error
    commit = builder.hash if COMMIT.fullmatch(builder.hash or "") else revision
    return loaded, commit
