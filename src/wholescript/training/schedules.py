"""Learning rate schedules, by name."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR
from transformers import (
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_wsd_schedule,
)

from wholescript.training.settings import Schedule


def make_scheduler(
    name: Schedule,
    optimizer: Optimizer,
    *,
    learning_rate: float,
    steps: int,
    warmup_ratio: float,
    decay_ratio: float = 0.3,
) -> LRScheduler:
    """Return a schedule over all `steps` of a training, with a warm-up of a share of them.

    - `cosine`: decays to zero along a cosine.
    - `onecycle`: also warms up along a cosine, from a 25th of the peak `learning_rate` (Smith and
      Topin, 2019).
    - `constant`: no decay.
    - `wsd`: constant, with a linear decay in the last `decay_ratio` of the steps (Hu et al., 2024).
    """
    if name == "onecycle":
        # OneCycleLR divides by the lengths of both phases: neither may be empty.
        total = max(steps + 1, 3)
        warmup = min(max(math.ceil(warmup_ratio * steps), 2), total - 1)
        return OneCycleLR(
            optimizer, learning_rate, total, pct_start=warmup / total, cycle_momentum=False
        )
    warmup = math.ceil(warmup_ratio * steps)
    if name == "constant":
        return get_constant_schedule_with_warmup(optimizer, warmup)
    if name == "wsd":
        decay = min(math.ceil(decay_ratio * steps), steps - warmup)
        return get_wsd_schedule(
            optimizer, warmup, decay, num_training_steps=steps, decay_type="linear"
        )
    return get_cosine_schedule_with_warmup(optimizer, warmup, steps)
