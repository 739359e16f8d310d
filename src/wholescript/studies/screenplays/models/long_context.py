"""Longformer and Mamba-2 over frozen chunk embeddings, as estimators of films."""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from wholescript.errors import ParameterError
from wholescript.models.films.extra_features import with_late_fusion
from wholescript.models.long_context_aggregators import (
    LONG_CONTEXT_AGGREGATORS,
    LongContextArchitecture,
)
from wholescript.studies.screenplays.models.mil import MILClassifier


@dataclass
class LongContextMILClassifier(MILClassifier):
    """`MILClassifier` whose aggregator is one of `LONG_CONTEXT_AGGREGATORS`."""

    architecture: LongContextArchitecture  # type: ignore[assignment]

    model: ClassVar[str] = "LongContextMILClassifier"

    def __post_init__(self) -> None:
        """Check the name of the aggregator; raises ParameterError."""
        if self.architecture not in LONG_CONTEXT_AGGREGATORS:
            raise ParameterError(
                f"architecture={self.architecture!r} is none of "
                f"{', '.join(LONG_CONTEXT_AGGREGATORS)}"
            )

    def build(self) -> nn.Module:
        """Return an untrained network; its weights depend on torch's random state."""
        options: dict[str, Any] = {**self.aggregator_options}
        aggregator = LONG_CONTEXT_AGGREGATORS[self.architecture](self.dimensions, **options)
        return with_late_fusion(aggregator, self.extra_features)
