"""Language models of classes that are one model up to a fork, and read a text once up to there."""

from collections.abc import Sequence
from typing import Any

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, cat, nn
from torch.nn.functional import cross_entropy

from wholescript.errors import ParameterError
from wholescript.models.adapters import Tuning
from wholescript.models.causal_lm import CausalLM

LORA_TARGET_MODULES = r".*_proj"  # the linear layers of a block of Llama
LOGIT_CHUNK = 256  # tokens whose logits stay in the cache of a CPU until their sum is taken


class SharedTrunkLM(nn.Module):
    """Maps token ids to the states after them under each class.

    `models` are equal in their first `n_shared_layers` blocks and in what reads tokens in and out, since
    nothing but what `unfreeze_above` left is trained of them.
    """

    def __init__(self, models: Sequence[CausalLM], n_shared_layers: int) -> None:
        super().__init__()
        self.branches: Any = nn.ModuleList(models)
        self.n_shared_layers = n_shared_layers

    def forward(self, input_ids: Tensor) -> list[Tensor]:
        """Map (n, length) ids to states (n, length, d), a tensor for each class."""
        first, *others = (branch.base for branch in self.branches)
        captured: list[Any] = []
        hook = first.layers[self.n_shared_layers].register_forward_pre_hook(
            lambda _, states, options: captured.extend((states, options)), with_kwargs=True
        )
        try:
            found = [self.branches[0](input_ids)]
        finally:
            hook.remove()
        (states, *rest), options = captured
        for base in others:
            own = states
            for block in base.layers[self.n_shared_layers :]:
                own = block(own, *rest, **options)
            found.append(base.norm(own))
        return found

    def token_nll(
        self, input_ids: Tensor, loss_mask: Tensor, logit_chunk: int = LOGIT_CHUNK
    ) -> list[Tensor]:
        """Return how unlikely each token that is asked for is, (asked,) for each class, in nats.

        `loss_mask` (n, length) is True for the tokens to be predicted; the first of a row cannot be.
        """
        loss_mask = loss_mask[:, 1:]
        targets = input_ids[:, 1:][loss_mask].split(logit_chunk)
        head = self.branches[0].model.get_output_embeddings()
        return [
            cat(
                [
                    cross_entropy(head(part).float(), tokens, reduction="none")
                    for part, tokens in zip(
                        states[:, :-1][loss_mask].split(logit_chunk), targets, strict=True
                    )
                ]
            )
            for states in self(input_ids)
        ]


def unfreeze_above(
    model: CausalLM,
    n_shared_layers: int,
    tuning: Tuning = "full",
    *,
    rank: int = 8,
    alpha: int = 16,
) -> None:
    """Let what is above the first `n_shared_layers` blocks be trained, and nothing else.

    That is, of the blocks, all weights, or, with a `tuning` of `lora`, low-rank matrices beside
    their linear layers (as in `adapters.adapted`, without dropout), and the norm behind them.

    Raises:
        ParameterError: the model is not of the design of Llama, or has no such block.
    """
    blocks = getattr(model.base, "layers", None)
    if blocks is None or not hasattr(model.base, "norm"):
        raise ParameterError(f"a {type(model.base).__name__} cannot be forked: take a Llama")
    if not 1 <= n_shared_layers < len(blocks):
        raise ParameterError(
            f"hook={n_shared_layers}: of {len(blocks)} blocks share 1 to {len(blocks) - 1}"
        )
    model.model.requires_grad_(False)
    if tuning == "lora":
        adapters = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LORA_TARGET_MODULES)
        for block in blocks[n_shared_layers:]:
            inject_adapter_in_model(adapters, block)
    else:
        blocks[n_shared_layers:].requires_grad_(True)
    model.base.norm.requires_grad_(True)


def merge_adapters(model: CausalLM) -> None:
    """Add what adapters learned to the weights beside them: the same model, and quicker to read."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and not module.merged:
            module.merge()
