"""Class-conditional language models on shared lower layers, computed once for all classes."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, cat, nn
from torch.nn.functional import cross_entropy

from wholescript.models.causal_lm import CausalLM
from wholescript.models.next_token import select_targets

LOGITS_BATCH_SIZE = 256  # tokens whose logits fit into a CPU's cache


class SharedTrunkLM(nn.Module):
    """One Llama per class on a shared trunk; maps token ids to the final states of each class.

    `models` must have equal embeddings, output layers and first `n_shared_layers` layers, as after
    `adapters.unfreeze_above`, which leaves only the layers above trainable.
    """

    def __init__(self, models: Sequence[CausalLM], n_shared_layers: int) -> None:
        super().__init__()
        self.branches: Any = nn.ModuleList(models)
        self.n_shared_layers = n_shared_layers

    def forward(self, input_ids: Tensor) -> list[Tensor]:
        """Map (n, length) ids to states (n, length, d), a tensor per class."""
        first, *others = self.branches
        trunk_output: list[Any] = []
        hook = first.base.layers[self.n_shared_layers].register_forward_pre_hook(
            lambda _, args, kwargs: trunk_output.extend((args, kwargs)), with_kwargs=True
        )
        try:
            outputs = [first(input_ids)]
        finally:
            hook.remove()
        (trunk_states, *args), kwargs = trunk_output
        for branch in others:
            states = trunk_states
            for block in branch.base.layers[self.n_shared_layers :]:
                states = block(states, *args, **kwargs)
            outputs.append(branch.base.norm(states))
        return outputs

    def token_nll(
        self, input_ids: Tensor, loss_mask: Tensor, logits_batch_size: int = LOGITS_BATCH_SIZE
    ) -> list[Tensor]:
        """Return the negative log-likelihood of each target token, (n_targets,) per class, in nats.

        `loss_mask` (n, length) is True for the target tokens. The first token of a row cannot be
        a target.
        """
        head = self.branches[0].model.get_output_embeddings()
        losses = []
        for states in self(input_ids):
            selected, targets = select_targets(states, input_ids, loss_mask)
            parts = zip(
                selected.split(logits_batch_size), targets.split(logits_batch_size), strict=True
            )
            losses.append(
                cat([cross_entropy(head(x).float(), y, reduction="none") for x, y in parts])
            )
        return losses
