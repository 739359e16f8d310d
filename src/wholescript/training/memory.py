"""How much memory this process holds, and held at most."""

import resource
import sys
from contextlib import suppress
from pathlib import Path


def rss() -> int:
    """Return the bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def peak_rss() -> int:
    """Return the most bytes of memory that this process held, since `reset_peak_memory` if it could."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # On Linux ru_maxrss begins with what the parent held, which may be far more.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) * 1024


def reset_peak_memory() -> None:
    """Let the peak begin anew from what is held now, where the system allows it (Linux does)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
