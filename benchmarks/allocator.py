"""Time of a training step with and without allocator tuning (`training.allocator.tune_allocator`).

    python benchmarks/allocator.py

Two processes train on random tokens of the same shape, alternately: a classifier with LoRA
adapters, and a language model, whose logits over the vocabulary are large tensors. One process
has called `tune_allocator`, as `wholescript train` does: it retains freed memory. In the other,
freed memory is released to the system.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import timing
import torch
from cyclopts import run
from decoder_steps import lora_classifier, random_ids, training_step
from torch import Tensor

from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.causal_lm import CausalLM
from wholescript.training.allocator import tune_allocator

N_TEXTS, N_TOKENS, N_CLASSES = 4, 256, 2
RELEASED, RETAINED = "released_to_system", "retained"
models: dict[str, Any] = {}  # those of a worker process


def main(
    rounds: timing.Rounds = 6,
    output: timing.Output = timing.RESULTS / "allocator.json",
) -> None:
    """Time training steps under both settings; print and write seconds and speedup."""
    spawn = multiprocessing.get_context("spawn")
    processes = {
        name: ProcessPoolExecutor(1, spawn, initializer=_load_models, initargs=(name == RETAINED,))
        for name in (RELEASED, RETAINED)
    }

    def timer(process: ProcessPoolExecutor, model: str) -> Any:
        return lambda: process.submit(timing.seconds_of, _step, model).result()

    seconds = {
        model: timing.time_alternately({n: timer(p, model) for n, p in processes.items()}, rounds)
        for model in ("classifier", "language model")
    }
    for process in processes.values():
        process.shutdown()
    result = {
        "batch": f"{N_TEXTS} x {N_TOKENS}",
        **timing.machine(),
        "seconds": seconds,
        "speedup": {
            model: timing.median_ratio(times[RELEASED], times[RETAINED])
            for model, times in seconds.items()
        },
    }
    timing.write_result(output, result)


def _load_models(retain: bool) -> None:
    if retain and not tune_allocator():
        raise SystemExit(
            "the allocator cannot be tuned: it is not that of glibc, or MALLOC_* variables are set"
        )
    models["classifier"] = lora_classifier("smollm2", N_CLASSES)
    decoder = load_decoder("smollm2")
    models["language model"] = CausalLM(decoder.model, prepare_for_tuning(decoder, "full")).train()


def _step(name: str) -> None:
    model = models[name]

    def forward(ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        if name == "classifier":
            return model(ids, mask), torch.zeros(N_TEXTS, dtype=torch.int64)
        logits, targets = model.next_token_logits(ids, mask)
        return logits, targets

    training_step(model, random_ids(N_TEXTS, N_TOKENS), forward)


if __name__ == "__main__":
    run(main)
