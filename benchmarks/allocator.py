"""Time of a training step with and without allocator tuning (`training.allocator.tune_allocator`).

    python benchmarks/allocator.py

Two processes train on random tokens of the same shape, alternately: a classifier with LoRA
adapters, and a language model, whose logits over the vocabulary are large tensors. One process
has called `tune_allocator`, as `wholescript train` does: it retains freed memory. In the other,
freed memory is released to the system.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import torch
import typer
from timing import RESULTS, seconds_of, time_alternately, write_result
from torch.nn.functional import cross_entropy

from wholescript.experiments.environment import device_name
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.causal_lm import CausalLM
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.training.allocator import tune_allocator

TEXTS, TOKENS, CLASSES = 4, 256, 2
RELEASED, RETAINED = "released_to_system", "retained"
models: dict[str, Any] = {}  # those of a worker process


def main(
    rounds: Annotated[int, typer.Option(help="Timed steps per setting, alternating.")] = 6,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = RESULTS / "allocator.json",
) -> None:
    """Time training steps under both settings; print and write seconds and speedup."""
    spawn = multiprocessing.get_context("spawn")
    processes = {
        name: ProcessPoolExecutor(1, spawn, initializer=_load_models, initargs=(name == RETAINED,))
        for name in (RELEASED, RETAINED)
    }

    def timer(process: ProcessPoolExecutor, model: str) -> Any:
        return lambda: process.submit(seconds_of, _step, model).result()

    seconds = {
        model: time_alternately({n: timer(p, model) for n, p in processes.items()}, rounds)
        for model in ("classifier", "language model")
    }
    for process in processes.values():
        process.shutdown()
    result = {
        "batch": f"{TEXTS} x {TOKENS}",
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "seconds": seconds,
        "speedup": {
            model: round(median(times[RELEASED]) / median(times[RETAINED]), 3)
            for model, times in seconds.items()
        },
    }
    write_result(output, result)


def _load_models(retain: bool) -> None:
    if retain and not tune_allocator():
        raise SystemExit(
            "the allocator cannot be tuned: it is not that of glibc, or MALLOC_* variables are set"
        )
    torch.manual_seed(0)
    models["classifier"] = DecoderClassifier(load_decoder("smollm2"), CLASSES, "lora").train()
    decoder = load_decoder("smollm2")
    models["language model"] = CausalLM(decoder.model, prepare_for_tuning(decoder, "full")).train()


def _step(name: str) -> None:
    model = models[name]
    ids = torch.randint(5, 30_000, (TEXTS, TOKENS))
    mask = torch.ones_like(ids, dtype=torch.bool)
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        if name == "classifier":
            logits, targets = model(ids, mask), torch.zeros(TEXTS, dtype=torch.int64)
        else:
            logits, targets = model.next_token_logits(ids, mask)
    cross_entropy(logits.float(), targets).backward()


if __name__ == "__main__":
    typer.run(main)
