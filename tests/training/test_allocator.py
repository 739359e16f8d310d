import subprocess
import sys

import pytest

FAULTS = """
import os, resource
import torch
from wholescript.training.allocator import tune_allocator
print(TUNED and tune_allocator())
for _ in range(20):  # until the heap has grown
    torch.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(10_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def page_faults(tuned, **environment):
    """Return whether tuning worked, and the page faults of five tensors of 40 MB in a row."""
    done = subprocess.run(
        [sys.executable, "-c", FAULTS.replace("TUNED", str(tuned))],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    worked, count = done.stdout.split()
    return worked == "True", int(count)


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
def test_freed_pages_are_reused():
    assert page_faults(tuned=False)[1] > 10_000
    worked, count = page_faults(tuned=True)
    assert worked and count < 1_000


def test_settings_in_the_environment_are_kept():
    assert page_faults(tuned=True, MALLOC_ARENA_MAX="1")[0] is False
