"""Films of unequal length in one padded batch."""

import torch

D = 12


def films(*lengths, seed=0):
    """Chunks and mask of films with these numbers of chunks; masked values are large."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    chunks = torch.randn(len(lengths), max(lengths), D, generator=generator)
    return chunks.masked_fill(~mask.unsqueeze(-1), 100.0), mask
