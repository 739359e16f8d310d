"""Ray, an optional extra: one cluster of this machine's processes, or one that is there already.

Import `ray` and `tune` from here: usage reports are then off, and their absence is an error that
says what to do.
"""

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from wholescript.errors import DependencyError, ParameterError, RunError
from wholescript.settings import PositiveInt, check

__all__ = ["ray", "ray_cluster", "tune"]

# Ray reads these as it is imported; the processes that it starts inherit them.
os.environ |= {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}
try:
    import ray
    import ray.data
    from ray import tune
except ModuleNotFoundError as error:
    raise DependencyError(
        f"the package {error.name} is not installed, which `tune` and `--executor ray` need: "
        "`make cluster`, or pip install --no-deps -r requirements-cluster.lock"
    ) from None

TIMEOUT_SECONDS = 10.0  # for an answer of a cluster


@contextmanager
def ray_cluster(address: str | None = None, workers: int | None = None) -> Iterator[None]:
    """Join the cluster at `address`, or start one of `workers` processes on this machine.

    Without either there is a process a core. The cluster is left, or ended, at the end.

    Raises:
        ParameterError: both are given, `workers` is below 1, or `address` is no HOST:PORT.
        RunError: nothing answers at `address`.
    """
    if address and workers:
        raise ParameterError(
            f"workers={workers}: the cluster at {address} has its own worker processes; give "
            "either the address or a number of workers"
        )
    check("workers", workers, PositiveInt | None)
    if address:
        _check_answers(address)
    # Without an address Ray would join any cluster that it finds on this machine.
    how = {"address": address} if address else {"address": "local", "num_cpus": workers}
    ray.init(**how, include_dashboard=False, logging_level=logging.WARNING, log_to_driver=False)
    try:
        yield
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Try the port: Ray itself tries for minutes, and then ends the process."""
    host, _, port = address.rpartition(":")
    if not (host and port.isdigit()):
        raise ParameterError(f"address={address!r} is not HOST:PORT, as `ray start --head` says it")
    try:
        socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS).close()
    except OSError as error:
        raise RunError(
            f"no Ray cluster answers at {address} ({error}): start one with `ray start --head`, or "
            "leave the address out to use this machine"
        ) from None
