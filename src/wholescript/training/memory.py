"""Memory of this process: resident set size now, and its peak."""

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path


def rss() -> int:
    """Return the resident set size, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def peak_rss() -> int:
    """Return the peak resident set size, in bytes, since `reset_peak_memory` where that works."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux ru_maxrss starts at the size of the parent process, which may be larger.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


def reset_peak_memory() -> None:
    """Reset the peak to the current size, where the system allows it (Linux does).

    Freed memory that the process still holds is returned first: a training that reuses it would
    seem to need none.
    """
    with suppress(OSError, AttributeError):  # malloc_trim is glibc's
        ctypes.CDLL(None).malloc_trim(0)
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
