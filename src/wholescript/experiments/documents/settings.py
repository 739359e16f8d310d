"""Which documents of a data set a run is trained and evaluated on; imports no PyTorch."""

from dataclasses import dataclass
from typing import Any

from wholescript.settings import NonNegativeInt, PositiveInt, Seed, Settings


@dataclass(frozen=True)
class DataConfig(Settings):
    """The documents of a run; test and evaluation documents are the same for every seed.

    The evaluation always uses the true labels, whatever the `label_column`.
    """

    seed: Seed = 0
    """Random seed."""
    n_train: PositiveInt | None = None
    """Number of training texts, a stratified sample; default: all."""
    label_column: str = "label"
    """Training labels: label, or a column kept by `data prepare --keep-column`."""
    max_eval: PositiveInt | None = None
    """Evaluate at most this many test, validation and training texts each; default: all."""
    n_synthetic: NonNegativeInt = 0
    """Number of synthetic texts per class that are added to the training texts."""

    def settings(self) -> dict[str, Any]:
        """Return all fields, `max_eval` and `n_synthetic` only if they are set."""
        return {k: v for k, v in vars(self).items() if k not in ("max_eval", "n_synthetic") or v}

    @property
    def run_suffix(self) -> str:
        """The suffix of a run's name, such as `n1000-s0`."""
        parts = [f"n{self.n_train}"] if self.n_train else []
        parts += [self.label_column.replace("_", "-")] if self.label_column != "label" else []
        parts += [f"synthetic{self.n_synthetic}"] if self.n_synthetic else []
        return "-".join([*parts, f"s{self.seed}"])
