"""Seeds derived from other seeds."""

import numpy as np


def derive_seed(*parts: int) -> int:
    """Return the seed that belongs to `parts`, such as a run's seed, an epoch and a step."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])
