"""Made-up questions of three classes, and files of them."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from wholescript.data.tables import SUFFIXES

PLACES = ["harbour", "station", "museum", "bakery", "library", "stadium", "bridge"]
CLASSES = {
    "distance": "How far is it to the {place} from door {number}?",
    "person": "Who painted the {place}, and is it picture {number}?",
    "time": "When does the {place} open on day {number}?",
}


@pytest.fixture
def questions() -> Callable[..., pd.DataFrame]:
    """Return a function that makes `n` different questions with alternating classes."""

    def make(n: int, first: int = 0) -> pd.DataFrame:
        numbers = range(first, first + n)
        names = list(CLASSES)
        return pd.DataFrame(
            {
                "text": [
                    CLASSES[names[i % 3]].format(place=PLACES[i % 7], number=i) for i in numbers
                ],
                "label": [names[i % 3] for i in numbers],
            }
        )

    return make


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a table in the format of its suffix and returns the path."""

    def write(table: pd.DataFrame, name: str = "own.csv") -> Path:
        path = tmp_path / name
        assert path.suffix in SUFFIXES
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            table.to_parquet(path, index=False)
        elif path.suffix == ".jsonl":
            table.to_json(path, orient="records", lines=True, force_ascii=False)
        else:
            table.to_csv(path, index=False, sep="," if path.suffix == ".csv" else "\t")
        return path

    return write
