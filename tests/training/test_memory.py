"""Peak memory is that of what runs after the reset, also where freed memory could be reused."""

import subprocess
import sys

CHILD = """
from wholescript.training.memory import peak_rss, reset_peak_memory, rss

MB = 1_000_000
parts = [bytearray(b"x" * 50_000) for _ in range(4_000)]  # 200 MB of small blocks
pinned = parts.pop()  # the last one stays, so that the heap cannot shrink from its end
del parts
reset_peak_memory()
before = rss()
parts = [bytearray(b"x" * 50_000) for _ in range(2_000)]  # 100 MB
del parts
print((peak_rss() - before) / MB)
"""


def test_memory_that_was_freed_before_does_not_hide_the_peak():
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, check=True)
    assert 80 < float(done.stdout) < 150
