"""Time of a training step with LoRA adapters: unmodified peft, and this package's modules.

    python benchmarks/adapters.py

Both train the same model on the same random tokens and labels, alternately, on the same cores. On a
CPU `models.adapters` replaces the fused attention kernel, whose backward pass is slow there, by
plain attention, and the dropout modules by a faster one.
"""

import os
from functools import partial
from pathlib import Path
from statistics import median
from typing import Annotated

import torch
import typer
from timing import RESULTS, seconds_of, time_alternately, write_result
from torch import nn
from torch.nn.functional import cross_entropy
from tqdm.auto import tqdm

from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.decoder_classifier import DecoderClassifier
from wholescript.models.dropout import Dropout

CLASSES = 77
BATCH_SHAPES = ((32, 16), (16, 64), (4, 256))  # texts, tokens per text


def main(
    model: Annotated[
        str, typer.Argument(help="Pretrained model: smollm2, a folder or a hub name.")
    ] = "smollm2",
    rounds: Annotated[int, typer.Option(help="Timed steps per implementation, alternating.")] = 4,
    output: Annotated[Path, typer.Option(help="JSON file to write.")] = RESULTS / "adapters.json",
) -> None:
    """Time training steps of both implementations; print and write seconds and speedup."""
    models = {"peft": _unpatched(_classifier(model)), "wholescript": _classifier(model)}
    seconds = {}
    for texts, tokens in tqdm(BATCH_SHAPES, desc="batch shapes"):
        ids = torch.randint(5, 30_000, (texts, tokens))
        labels = torch.randint(0, CLASSES, (texts,))
        timers = {
            n: partial(seconds_of, _step, network, ids, labels) for n, network in models.items()
        }
        seconds[f"{texts} x {tokens}"] = time_alternately(timers, rounds)
    result = {
        "model": model,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "seconds": seconds,
        "speedup": {
            shape: round(median(times["peft"]) / median(times["wholescript"]), 3)
            for shape, times in seconds.items()
        },
    }
    write_result(output, result)


def _classifier(model: str) -> DecoderClassifier:
    torch.manual_seed(0)
    return DecoderClassifier(load_decoder(model), CLASSES, "lora").train()


def _unpatched(network: DecoderClassifier) -> DecoderClassifier:
    """Restore PyTorch's dropout modules and the fused attention kernel."""
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
