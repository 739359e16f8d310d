"""Memory of this process that is freed and kept: a training step asks for the same again."""

import ctypes
import os
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # of mallopt, as in malloc.h
TOP_PAD_BYTES = 256 << 20  # bytes that the heap grows by


def tune_allocator() -> bool:
    """Let the allocator keep what is freed; return whether it can (that of glibc, on Linux).

    The system otherwise takes large tensors back when they are freed, and gives new pages that it
    must find and clear one by one; `benchmarks/heap.py` measures what that costs. Variables of the
    environment that set the allocator are left as they are.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another library of C
        return False
    return all(
        mallopt(option, value) == 1
        for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, -1), (TOP_PAD, TOP_PAD_BYTES))
    )
