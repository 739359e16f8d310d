"""Tables as Parquet files of their own: compact, and the same bytes for the same values."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wholescript.errors import RunError
from wholescript.files import write_atomic


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet (zstd), atomically."""
    # The metadata of pandas holds its version, so the bytes would differ between versions.
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=19)
    write_atomic(path, buffer.getvalue())


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a table of `write_parquet`.

    Raises:
        RunError: the file is missing or damaged.
    """
    try:
        return pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise RunError(
            f"cannot read {path.name} of the run {path.parent.name}: delete the run and make it "
            "again"
        ) from error
