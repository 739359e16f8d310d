"""Whole Script: a reproducible report on transformers for long documents.

>>> import wholescript as ws
>>> tickets = ws.load_documents("tickets.csv")  # doctest: +SKIP
>>> model = ws.train("tfidf-svm", tickets)  # doctest: +SKIP
>>> model.evaluate()  # doctest: +SKIP
>>> model.predict(["My card was stolen"])  # doctest: +SKIP

Each function is documented in `wholescript.api`; importing this package imports no library.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wholescript.api import (
        cross_validate,
        list_models,
        load,
        load_documents,
        load_films,
        predict_table,
        train,
        tune,
        use_hardware,
    )

# Libraries import a bar of tqdm that asks for widgets in a notebook; without, it is one of text.
warnings.filterwarnings("ignore", message="IProgress not found")

__version__ = "0.1.0"
__all__ = [
    "cross_validate",
    "list_models",
    "load",
    "load_documents",
    "load_films",
    "predict_table",
    "train",
    "tune",
    "use_hardware",
]


def __getattr__(name: str) -> Any:
    """Import the Python API when one of its functions is first used."""
    if name in __all__:
        return getattr(import_module("wholescript.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of the API."""
    return sorted({*globals(), *__all__})
