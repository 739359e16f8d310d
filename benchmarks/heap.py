"""How long a training step takes where freed memory is kept, and where it goes back to the system.

    python benchmarks/heap.py

Two processes take the same steps on the same random tokens in turns, in one run: a classifier with
adapters, and a language model, whose logits over its vocabulary are large tensors. Only one of them
has called `training.heap.tune_allocator`, as `wholescript train` does.
"""

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated, Any

import torch
import typer
from rich.console import Console
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from wholescript.features.pretrained_decoders import load_decoder
from wholescript.files import ROOT, write_atomic
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.causal_lm import CausalLM
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.publish.notebook import device_name
from wholescript.training.allocator import tune_allocator

TEXTS, TOKENS, CLASSES = 4, 256, 2
models: dict[str, Any] = {}  # of a process


def main(
    rounds: Annotated[int, typer.Option(help="Steps that each takes, in turns.")] = 6,
    output: Annotated[Path, typer.Option()] = ROOT / "benchmarks" / "results" / "heap.json",
) -> None:
    """Take steps by each in turns, print seconds and their ratio, and write them as JSON."""
    spawn = multiprocessing.get_context("spawn")
    processes = {
        name: ProcessPoolExecutor(1, spawn, initializer=_begin, initargs=(name == "kept",))
        for name in ("given back", "kept")
    }
    seconds: dict[str, dict[str, list[float]]] = {
        kind: {name: [] for name in processes} for kind in ("classifier", "language model")
    }
    for number in tqdm(range(rounds + 1), desc="rounds"):
        for kind, times in seconds.items():
            for name in sorted(processes, reverse=bool(number % 2)):
                took = processes[name].submit(_step, kind).result()
                if number:  # the first round warms up
                    times[name].append(round(took, 3))
    for process in processes.values():
        process.shutdown()
    found = {
        "batch": f"{TEXTS} x {TOKENS}",
        "threads": torch.get_num_threads(),
        "device": device_name(),
        "seconds": seconds,
        "ratio": {
            kind: round(median(times["given back"]) / median(times["kept"]), 3)
            for kind, times in seconds.items()
        },
    }
    write_atomic(output, json.dumps(found, indent=2) + "\n")
    Console().print(found)


def _begin(kept: bool) -> None:
    if kept and not tune_allocator():
        raise SystemExit("this allocator cannot keep what is freed, or the environment sets it")
    torch.manual_seed(0)
    models["classifier"] = DecoderClassifier(load_decoder("smollm2"), CLASSES, "lora").train()
    decoder = load_decoder("smollm2")
    models["language model"] = CausalLM(decoder.model, prepare_for_tuning(decoder, "full")).train()


def _step(kind: str) -> float:
    model = models[kind]
    ids = torch.randint(5, 30_000, (TEXTS, TOKENS))
    every = torch.ones_like(ids, dtype=torch.bool)
    start = perf_counter()
    model.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        if kind == "classifier":
            logits, asked = model(ids, every), torch.zeros(TEXTS, dtype=torch.int64)
        else:
            logits, asked = model.next_token_logits(ids, every)
    cross_entropy(logits.float(), asked).backward()
    return perf_counter() - start


if __name__ == "__main__":
    typer.run(main)
