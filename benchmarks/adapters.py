"""How long a step of a model with adapters takes: as peft makes them, and as we change them.

    python benchmarks/adapters.py

The same model, the same random tokens and labels, in turns and in one run, on the same cores. On a
CPU `models.adapters` takes plain attention in place of the fused kernel, whose backward pass is
slow there, and draws dropout in words.
"""

import json
import os
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Annotated

import torch
import typer
from rich.console import Console
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from wholescript.features.pretrained_decoders import load_decoder
from wholescript.files import ROOT, write_atomic
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.models.dropout import Dropout

CLASSES = 77
SHAPES = ((32, 16), (16, 64), (4, 256))  # texts and tokens of a batch


def main(
    model: Annotated[str, typer.Argument(help="smollm2, a folder, or a name of the hub.")] = (
        "smollm2"
    ),
    rounds: Annotated[int, typer.Option(help="Steps that each takes, in turns.")] = 4,
    output: Annotated[Path, typer.Option()] = ROOT / "benchmarks" / "results" / "adapters.json",
) -> None:
    """Take steps by each in turns, print seconds and their ratio, and write them as JSON."""
    models_compared = {"peft": _unpatched(_classifier(model)), "wholescript": _classifier(model)}
    seconds: dict[str, dict[str, list[float]]] = {}
    for texts, tokens in tqdm(SHAPES, desc="shapes"):
        ids = torch.randint(5, 30_000, (texts, tokens))
        labels = torch.randint(0, CLASSES, (texts,))
        times = seconds[f"{texts} x {tokens}"] = {name: [] for name in models_compared}
        for number in range(rounds + 1):
            for name in sorted(models_compared, reverse=bool(number % 2)):
                start = perf_counter()
                _step(models_compared[name], ids, labels)
                if number:  # the first round warms up
                    times[name].append(round(perf_counter() - start, 3))
    ratios = {
        shape: round(median(times["peft"]) / median(times["wholescript"]), 3)
        for shape, times in seconds.items()
    }
    found = {
        "model": model,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "ratio": ratios,
    }
    write_atomic(output, json.dumps(found, indent=2) + "\n")
    Console().print(found)


def _classifier(model: str) -> DecoderClassifier:
    torch.manual_seed(0)
    return DecoderClassifier(load_decoder(model), CLASSES, "lora").train()


def _unpatched(network: DecoderClassifier) -> DecoderClassifier:
    """Take our changes back."""
    for module in network.base.modules():
        for name, child in module.named_children():
            if type(child) is Dropout:
                setattr(module, name, nn.Dropout(child.p))
    network.base.set_attn_implementation("sdpa")
    return network


def _step(network: DecoderClassifier, ids: torch.Tensor, labels: torch.Tensor) -> None:
    network.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16):
        logits = network(ids, torch.ones_like(ids, dtype=torch.bool))
    cross_entropy(logits.float(), labels).backward()


if __name__ == "__main__":
    typer.run(main)
