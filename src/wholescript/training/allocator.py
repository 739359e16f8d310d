"""Allocator tuning: keep freed memory, since each training step allocates the same again."""

import ctypes
import os
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4  # options of mallopt, as in malloc.h
TOP_PAD_BYTES = 256 << 20  # by which the heap grows


def tune_allocator() -> bool:
    """Make glibc keep freed memory; return whether that worked (on Linux with glibc only).

    By default, large tensors are unmapped when they are freed, and the next allocation page-faults
    on new, zeroed pages; `benchmarks/allocator.py` measures the cost. If environment variables
    `MALLOC_...` configure the allocator, nothing is changed.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return False
    return all(
        mallopt(option, value) == 1
        for option, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, -1), (TOP_PAD, TOP_PAD_BYTES))
    )
