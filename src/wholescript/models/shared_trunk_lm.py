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

LINEAR = r".*_proj"  # the linear layers of a block of Llama
AT_ONCE = 256  # tokens whose logits stay in the cache of a CPU until their sum is taken


class ForkedLM(nn.Module):
    """Maps token ids to the states after them under each class.

    `models` are equal in their first `shared` blocks and in what reads tokens in and out, since
    nothing but what `thaw_above` left is trained of them.
    """

    def __init__(self, models: Sequence[CausalLM], shared: int) -> None:
        super().__init__()
        self.branches: Any = nn.ModuleList(models)
        self.shared = shared

    def forward(self, input_ids: Tensor) -> list[Tensor]:
        """Map (n, length) ids to states (n, length, d), a tensor for each class."""
        first, *others = (branch.base for branch in self.branches)
        given: list[Any] = []
        fork = first.layers[self.shared].register_forward_pre_hook(
            lambda _, states, options: given.extend((states, options)), with_kwargs=True
        )
        try:
            found = [self.branches[0](input_ids)]
        finally:
            fork.remove()
        (states, *rest), options = given
        for base in others:
            own = states
            for block in base.layers[self.shared :]:
                own = block(own, *rest, **options)
            found.append(base.norm(own))
        return found

    def nats(self, input_ids: Tensor, asked: Tensor, at_once: int = AT_ONCE) -> list[Tensor]:
        """Return how unlikely each token that is asked for is, (asked,) for each class, in nats.

        `asked` (n, length) is True for the tokens to be predicted; the first of a row cannot be.
        """
        asked = asked[:, 1:]
        came = input_ids[:, 1:][asked].split(at_once)
        head = self.branches[0].model.get_output_embeddings()
        return [
            cat(
                [
                    cross_entropy(head(part).float(), tokens, reduction="none")
                    for part, tokens in zip(states[:, :-1][asked].split(at_once), came, strict=True)
                ]
            )
            for states in self(input_ids)
        ]


def thaw_above(
    model: CausalLM, shared: int, tuning: Tuning = "full", *, rank: int = 8, alpha: int = 16
) -> None:
    """Let what is above the first `shared` blocks be trained, and nothing else.

    That is, of the blocks, all weights, or, with a `tuning` of `lora`, low-rank matrices beside
    their linear layers (as in `adapters.adapted`, without dropout), and the norm behind them.

    Raises:
        ParameterError: the model is not of the design of Llama, or has no such block.
    """
    blocks = getattr(model.base, "layers", None)
    if blocks is None or not hasattr(model.base, "norm"):
        raise ParameterError(f"a {type(model.base).__name__} cannot be forked: take a Llama")
    if not 1 <= shared < len(blocks):
        raise ParameterError(f"fork={shared}: of {len(blocks)} blocks share 1 to {len(blocks) - 1}")
    model.model.requires_grad_(False)
    if tuning == "lora":
        adapters = LoraConfig(r=rank, lora_alpha=alpha, target_modules=LINEAR)
        for block in blocks[shared:]:
            inject_adapter_in_model(adapters, block)
    else:
        blocks[shared:].requires_grad_(True)
    model.base.norm.requires_grad_(True)


def merge_adapters(model: CausalLM) -> None:
    """Add what adapters learned to the weights beside them: the same model, and quicker to read."""
    for module in model.modules():
        if isinstance(module, LoraLayer) and not module.merged:
            module.merge()
