"""Slow training in a child process that is killed: `python -m tests.training.slow_training FILE`.

With `--shared`, processes of torchrun split the batches of each step, and the weights are written
to the file instead of a checkpoint.
"""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from accelerate import PartialState
from safetensors.torch import save_file
from torch.nn.functional import binary_cross_entropy_with_logits

from tests.training.planted import D, corpus
from wholescript.files import ROOT
from wholescript.models.aggregators import QueryAggregator
from wholescript.training.batches import ChunkBatchLoader
from wholescript.training.loop import TrainConfig, fit

SETTINGS = TrainConfig(epochs=8, patience=8, learning_rate=3e-3)
SHARED = replace(SETTINGS, epochs=3, gradient_accumulation_steps=2)


def model():
    torch.manual_seed(0)
    return QueryAggregator(D, d_model=8, n_head=2, d_feedforward=8, n_queries=2)


def run(
    checkpoint=None,
    loss_fn=binary_cross_entropy_with_logits,
    save_interval_s=0.0,
    settings=SETTINGS,
):
    """Train with a checkpoint after every step; return the weights and the result."""
    labels, chunks = corpus(48)
    train_loader, val_loader = (
        ChunkBatchLoader(chunks, labels, rows, D, 0.3, 8)
        for rows in (np.arange(32), np.arange(32, 48))
    )
    trained = model()
    result = fit(
        trained,
        train_loader,
        val_loader,
        settings,
        seed=5,
        loss_fn=loss_fn,
        checkpoint=checkpoint,
        save_interval_s=save_interval_s,
    )
    return trained.state_dict(), result


def slow(logits, labels):
    """Return the loss after a delay, so that the process can be killed in any step."""
    time.sleep(0.1)
    return binary_cross_entropy_with_logits(logits, labels)


def start_and_kill(checkpoint):
    """Train in a child process, and kill it soon after a checkpoint was written."""
    command = [sys.executable, "-m", __spec__.name, str(checkpoint)]
    with subprocess.Popen(command, cwd=ROOT) as child:
        while not checkpoint.exists():
            assert child.poll() is None
            time.sleep(0.005)
        time.sleep(0.25)
        child.kill()
    assert child.returncode == -signal.SIGKILL


if __name__ == "__main__":
    torch.set_num_threads(1)
    if "--shared" in sys.argv:
        weights, fitted = run(settings=SHARED)
        if PartialState().is_main_process:
            metadata = {"history": json.dumps(fitted.history)}
            metadata["processes"] = str(PartialState().num_processes)
            save_file(weights, sys.argv[1], metadata)
        PartialState().destroy_process_group()
        sys.exit()
    run(Path(sys.argv[1]), slow)
