"""What a training uses of this machine: device, precision, micro-batches, batches ahead.

| device | precision | micro-batch | loader workers |
| --- | --- | --- | --- |
| `cuda` | bfloat16 if the GPU has it, else float32 | 512 tokens per GB of its memory | 1 |
| `mps` | float32 | 8,192 tokens | 1 |
| `cpu` | bfloat16 if the CPU has AVX512-BF16 or AMX, else float32 | whole batches | 0 |

`auto` is the first of these that the machine has. A batch that does not fit is split into
micro-batches whose gradients are summed: the effective batch stays that of the recipe. A loader
worker is a thread that prepares the next batch during a step. Only the rows of the CPU are
measured; those of GPUs are estimates. The precision is a setting of a run, the device is a fact.
"""

import os
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal, get_args

from wholescript.errors import ParameterError, did_you_mean

Device = Literal["auto", "cpu", "cuda", "mps"]
DEVICE_VARIABLE = "WHOLESCRIPT_DEVICE"
"""The device, also for the processes that a training starts."""

TOKENS_PER_GB = 512  # fine-tuning 135 million weights keeps about 1.2 MB of activations a token
MPS_TOKENS_PER_FORWARD = 8_192


@dataclass(frozen=True)
class Machine:
    """Facts about a machine; `cuda` is the name of its first CUDA GPU, empty without one."""

    cpu_cores: int = 1
    cpu_bfloat16: bool = False
    cuda: str = ""
    cuda_bfloat16: bool = False
    cuda_memory_gb: float = 0.0
    mps: bool = False

    def devices(self) -> tuple[str, ...]:
        """Return the devices that it has, the fastest first."""
        return (*("cuda",) * bool(self.cuda), *("mps",) * self.mps, "cpu")


@dataclass(frozen=True)
class HardwareProfile:
    """What a training uses: a row of the table of this module.

    `tokens_per_forward` is the size of a micro-batch, padding included; None: whole batches.
    """

    device: str
    name: str
    bfloat16: bool
    tokens_per_forward: int | None = None
    loader_workers: int = 0

    def rows_per_forward(self, batch_size: int, length: int) -> int:
        """Return how many of `batch_size` texts of `length` tokens are in one micro-batch."""
        limit = self.tokens_per_forward
        return batch_size if limit is None else min(max(limit // length, 1), batch_size)

    def describe(self, batch_size: int, length: int, accumulation: int, bfloat16: bool) -> str:
        """Return one line about a training: device, precision and how its batch is computed."""
        rows = self.rows_per_forward(batch_size, length)
        micro = f" in micro-batches of {rows}" if rows < batch_size else ""
        return (
            f"device {self.device} ({self.name}), {'bfloat16' if bfloat16 else 'float32'}, "
            f"effective batch {batch_size * accumulation} = {accumulation} x {batch_size}{micro}, "
            f"{self.loader_workers} loader workers"
        )


def choose_profile(machine: Machine, device: str = "auto") -> HardwareProfile:
    """Return what a training uses of a machine, by the table of this module.

    Raises:
        ParameterError: there is no such device, or the machine has none.
    """
    if device not in get_args(Device):
        raise ParameterError(
            f"device={device!r} is unknown{did_you_mean(device, get_args(Device))}"
        )
    if device == "auto":
        device = machine.devices()[0]
    if device not in machine.devices():
        raise ParameterError(
            f"device={device!r}: PyTorch finds none on this machine (a build for CPUs finds no "
            f"GPU); use {' or '.join(machine.devices())}, or auto"
        )
    if device == "cuda":
        tokens = max(int(machine.cuda_memory_gb * TOKENS_PER_GB), 1)
        return HardwareProfile(device, machine.cuda, machine.cuda_bfloat16, tokens, 1)
    if device == "mps":
        return HardwareProfile(device, "Apple GPU", False, MPS_TOKENS_PER_FORWARD, 1)
    return HardwareProfile("cpu", f"{machine.cpu_cores} cores", machine.cpu_bfloat16)


@cache
def this_machine() -> Machine:
    """Return the facts about this machine, as PyTorch sees it."""
    import torch

    from wholescript.features.pretrained_encoders import cpu_has_bfloat16

    cpu = Machine(os.cpu_count() or 1, cpu_has_bfloat16(), mps=torch.backends.mps.is_available())
    if not torch.cuda.is_available():
        return cpu
    return replace(
        cpu,
        cuda=torch.cuda.get_device_name(),
        cuda_bfloat16=torch.cuda.is_bf16_supported(including_emulation=False),
        cuda_memory_gb=torch.cuda.get_device_properties(0).total_memory / 1e9,
    )


_overrides: dict[str, int] = {}


def use_hardware(
    device: str = "auto",
    *,
    tokens_per_forward: int | None = None,
    loader_workers: int | None = None,
) -> HardwareProfile:
    """Set the device of all later trainings, and values of its row of the table; return the row.

    >>> use_hardware("cpu").device
    'cpu'

    Raises:
        ParameterError: there is no such device here, or a number is out of range.
    """
    given = {"tokens_per_forward": tokens_per_forward, "loader_workers": loader_workers}
    changed = {name: value for name, value in given.items() if value is not None}
    for name, value in changed.items():
        if value < (least := 0 if name == "loader_workers" else 1):
            raise ParameterError(f"{name}={value} must be at least {least}")
    choose_profile(this_machine(), device)
    os.environ[DEVICE_VARIABLE] = device
    _overrides.clear()
    _overrides.update(changed)
    return hardware()


def hardware() -> HardwareProfile:
    """Return what trainings use: the choice of `use_hardware`, or WHOLESCRIPT_DEVICE, or auto."""
    profile = choose_profile(this_machine(), os.environ.get(DEVICE_VARIABLE) or "auto")
    return replace(profile, **_overrides)  # type: ignore[arg-type]


def default_bfloat16() -> bool:
    """Return whether the device multiplies bfloat16 matrices in hardware; others are slower."""
    return hardware().bfloat16
