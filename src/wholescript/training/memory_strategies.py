"""Memory strategies: how the gradient through many chunks is computed, and what is kept for it.

A strategy gets `encode`, the chunk encoder; `groups`, the arguments of `encode` for each group of
chunks; and `loss_fn`, which maps all chunk vectors (n, d) to the loss. It adds the gradient of the
loss to the parameters and returns the loss, detached. All strategies give the same gradient,
provided that `encode` is deterministic: called twice on a group, it must drop out the same units.

`full_backprop`
: keeps the activations of every chunk until the backward pass; memory grows with the film.
`checkpointing`
: activation checkpointing (Chen et al., 2016): the activations of a group are dropped and computed
  again in the backward pass.
`grad_cache`
: gradient caching (Gao et al., 2021): encodes all chunks without a graph, computes the gradient of
  each chunk vector, then encodes group by group again and backpropagates that gradient.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from wholescript.settings import NonNegativeInt, checked

MemoryStrategy = Literal["full_backprop", "checkpointing", "grad_cache"]
MEMORY_STRATEGIES: tuple[MemoryStrategy, ...] = get_args(MemoryStrategy)

Encode = Callable[..., Tensor]
Groups = Sequence[Sequence[Any]]
VectorLoss = Callable[[Tensor], Tensor]
Backward = Callable[[Encode, Groups, VectorLoss], Tensor]


@checked
def backward_fn(strategy: MemoryStrategy, n_cached_groups: NonNegativeInt = 0) -> Backward:
    """Return the function of a strategy; `n_cached_groups` is for `grad_cache` only.

    Raises:
        ParameterError: there is no such strategy, or a negative number of groups.
    """
    functions: dict[MemoryStrategy, Backward] = {
        "full_backprop": full_backprop,
        "checkpointing": checkpointing,
        "grad_cache": partial(grad_cache, n_cached_groups=n_cached_groups),
    }
    return functions[strategy]


def full_backprop(encode: Encode, groups: Groups, loss_fn: VectorLoss) -> Tensor:
    """Backpropagate through all groups at once."""
    loss = loss_fn(torch.cat([encode(*group) for group in groups]))
    loss.backward()
    return loss.detach()


def checkpointing(encode: Encode, groups: Groups, loss_fn: VectorLoss) -> Tensor:
    """Backpropagate through all groups; recompute their activations in the backward pass."""

    def checkpointed(*group: Any) -> Tensor:
        vectors: Tensor = checkpoint(encode, *group, use_reentrant=False, preserve_rng_state=False)
        return vectors

    return full_backprop(checkpointed, groups, loss_fn)


def grad_cache(
    encode: Encode, groups: Groups, loss_fn: VectorLoss, *, n_cached_groups: int = 0
) -> Tensor:
    """Backpropagate to the chunk vectors, then through one group after another.

    The last `n_cached_groups` groups keep their activations, however long the film is, and are
    encoded once; the others are encoded twice.
    """
    n_reencoded = max(len(groups) - n_cached_groups, 0)
    with torch.no_grad():
        parts = [encode(*group) for group in groups[:n_reencoded]]
    for part in parts:
        part.requires_grad_()
    with_graph = [encode(*group) for group in groups[n_reencoded:]]
    loss = loss_fn(torch.cat(parts + with_graph))
    loss.backward()
    for group, part in zip(groups, parts, strict=False):
        vectors = encode(*group)
        if vectors.requires_grad:  # a frozen encoder has no parameters to pass the gradient to
            vectors.backward(part.grad)
    return loss.detach()
