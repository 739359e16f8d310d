"""Tables of a stored run as Parquet: small, and the same bytes for the same values."""

import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from wholescript.errors import RunError
from wholescript.files import write_atomic


def write_parquet(frame: pd.DataFrame, path: Path, *, id_column: str | None = None) -> None:
    """Write a table (zstd), atomically; the column `id_column` holds a text of its own in each row.

    Such a column is stored by what its texts add to the one before, all others by their values.
    """
    # Metadata of pandas would name its version, and make other bytes of the same table.
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    packed = io.BytesIO()
    pq.write_table(
        table,
        packed,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table.column_names if name != id_column],
        column_encoding={id_column: "DELTA_BYTE_ARRAY"} if id_column else None,
    )
    write_atomic(path, packed.getvalue())


def read_parquet(path: Path) -> pd.DataFrame:
    """Read what `write_parquet` wrote; raise RunError when the file is missing or damaged."""
    try:
        return pq.read_table(path).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise RunError(
            f"{path.name} of the run {path.parent.name} cannot be read: make the run again"
        ) from error
