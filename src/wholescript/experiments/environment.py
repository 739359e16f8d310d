"""Metadata of the machine and the checkout: device, run profile, commit."""

import os
import platform
import subprocess
import sys
from pathlib import Path


def device_name() -> str:
    """Return the name of the GPU if PyTorch is imported and has one, else that of the CPU."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return str(torch.cuda.get_device_name())
    cpu_info = Path("/proc/cpuinfo")
    lines = cpu_info.read_text().splitlines() if cpu_info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def is_gpu(device: str) -> bool:
    """Return whether a name that `device_name` gave is that of a GPU."""
    return not device.endswith(" cores")


def run_profile() -> str:
    """Return the run profile of trainings on this machine: `full` with a GPU, else `cpu`."""
    import torch

    return "full" if torch.cuda.is_available() else "cpu"


def commit_of(root: Path) -> str | None:
    """Return the checked-out commit of the repository at `root`; None without git."""
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # git is not installed
        return None
    return done.stdout.strip() or None
