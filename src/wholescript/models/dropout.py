"""Dropout that draws its random bits in words: torch's own costs a CPU a third of a step."""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

UNITS_PER_DRAW = 4  # units that one 64-bit draw decides, by 16 bits each
DRAW_LEVELS = 2**16


class Dropout(nn.Dropout):
    """`torch.nn.Dropout` (Srivastava et al., 2014) with a mask that a CPU draws four times faster.

    There torch asks its generator once for every unit. Here one draw of 64 bits decides four, each
    dropped where its 16 bits, as a number, fall into the lowest `p`: `p` is met to within 1/65536.
    The generator is torch's own, so that a seed decides what is dropped, as ever.
    """

    def forward(self, states: Tensor) -> Tensor:
        """Return states of the same shape and dtype, a share `p` of them zero, the rest scaled."""
        if not self.training or self.p == 0 or states.device.type != "cpu":
            return dropout(states, self.p, self.training, self.inplace)
        share = round(self.p * DRAW_LEVELS)
        if share == DRAW_LEVELS:
            return states * 0
        words = torch.empty(-(-states.numel() // UNITS_PER_DRAW), dtype=torch.int64)
        drawn = words.random_(-(2**63), None).view(torch.int16)[: states.numel()]
        kept = drawn.view(states.shape) >= share - DRAW_LEVELS // 2
        return states * kept * (DRAW_LEVELS / (DRAW_LEVELS - share))
