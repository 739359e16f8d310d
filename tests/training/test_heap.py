import subprocess
import sys

import pytest

FAULTS = """
import os, resource
import torch
from wholescript.training.heap import keep_freed_memory
print(KEPT and keep_freed_memory())
for _ in range(20):  # until the heap has grown
    torch.ones(30_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(30_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept, **environment):
    """Pages that were asked for anew by five tensors of 120 MB, one after another."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.replace("KEPT", str(kept))],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    said, count = done.stdout.split()
    return said == "True", int(count)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
def test_pages_that_were_freed_are_not_asked_for_again():
    assert faults(kept=False)[1] > 10_000
    could, count = faults(kept=True)
    assert could and count < 1_000


def test_settings_of_the_environment_stay():
    assert faults(kept=True, MALLOC_ARENA_MAX="1")[0] is False
