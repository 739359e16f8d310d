"""R-Drop: two dropout passes of each batch, with a penalty on their divergence."""

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import kl_div

from wholescript.models.next_token import NextTokenModel
from wholescript.training.batches import DocumentBatch
from wholescript.training.objectives.base import LossFn
from wholescript.training.objectives.next_token import NextTokenObjective


@dataclass(frozen=True)
class RDropObjective(NextTokenObjective):
    """Next-token prediction with two dropout passes a batch (Liang et al., 2021, "R-Drop").

    The loss is the mean of both passes plus `kl_weight` times their symmetric KL divergence
    (the mean of both directions). With `kl_weight` 0 only the two passes remain.
    """

    kl_weight: float = 0.5

    def _losses(
        self, model: NextTokenModel, batch: DocumentBatch, loss: LossFn
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss of both passes, and the same with the divergence added."""
        (first, targets), (second, _) = (self._logits_and_targets(model, batch) for _ in range(2))
        log_probs = first.log_softmax(-1), second.log_softmax(-1)
        kl = sum(
            kl_div(a, b, log_target=True, reduction="batchmean")
            for a, b in (log_probs, log_probs[::-1])
        )
        value = (loss(first, targets) + loss(second, targets)) / 2
        return value, value + self.kl_weight * kl / 2
