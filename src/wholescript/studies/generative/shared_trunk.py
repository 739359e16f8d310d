"""Generative classifiers whose language models are one up to a fork, and learn to tell apart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.pruning import WRITTEN_LAST, shortened, write_decoder
from wholescript.models.shared_trunk_lm import ForkedLM, merge_adapters, thaw_above
from wholescript.studies.generative.class_lm import FinetunedGenerative, _texts_of
from wholescript.studies.generative.fitted import SCORED, FittedGenerative, Reader
from wholescript.training.discriminative import TellApart, weighted_sum
from wholescript.training.document_classifier import Labelled
from wholescript.training.documents import TextBatches
from wholescript.training.epoch_clock import EpochClock
from wholescript.training.language_model import TOKENS
from wholescript.training.loop import Row, fit

PART = "pretrained"
JUDGED = 512  # held-out windows that each epoch is judged by
SCORED_TOGETHER = 4  # texts of about one length, on a CPU
SCORED_TOGETHER_GPU = 64


@dataclass
class FittedForked(FittedGenerative):
    """A language model for each class, which share their first `shared` blocks."""

    shared: int = 1

    def _score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        first = self.readers[0]
        rows = [np.concatenate([first.opening, ids]) for ids in first.tokenize(texts)]
        if max(map(len, rows)) > self.context:
            return super()._score(texts)
        network = ForkedLM([reader.model for reader in self.readers], self.shared)
        on_cpu = next(network.parameters()).device.type == "cpu"
        size = SCORED_TOGETHER if on_cpu else SCORED_TOGETHER_GPU
        batches = TextBatches(rows, np.zeros(len(rows), np.int64), size, first.end)
        way = TellApart(self.bfloat16, len(first.opening), TOKENS)
        return way.log_likelihoods(network, batches)


@dataclass
class ForkedGenerative(FinetunedGenerative):
    """A pretrained language model that forks into one for each class, all trained together.

    The first `fork` blocks read a text once for all classes and stay as they are; the others are
    trained, a share `telling` of the loss being that of the right class among all. Where each model
    alone learns to foretell its texts, of which the verdict is a small part, these learn what sets
    the classes apart; they are still models of language, joined by Bayes' rule.
    With `one_window` a training reads one window of each text, drawn once, and not all of them:
    what a text says again in its next window teaches less than another text.
    Of the pretrained model only `blocks` blocks and `vocabulary` tokens are taken, if that is
    asked for (`shortened`).

    Raises:
        ParameterError: a field is outside its range, asks for prompts, or for a part of a model by
            one number alone.
    """

    batch_size: int = 8
    fork: int = 20
    telling: float = 0.8
    one_window: bool = False
    blocks: int | None = None
    vocabulary: int | None = None

    def __post_init__(self) -> None:
        """Refuse what could not train."""
        super().__post_init__()
        if self.prompts:
            raise ParameterError("a fork reads a text once for all classes: it takes no prompts")
        if not 0 <= self.telling <= 1:
            raise ParameterError(f"telling={self.telling} must be in [0, 1]")
        if (self.blocks is None) != (self.vocabulary is None):
            raise ParameterError(
                f"blocks={self.blocks} and vocabulary={self.vocabulary} go together: the part of "
                "a model that is taken"
            )

    @property
    def name(self) -> str:
        """The model, and that it is forked."""
        short = "-short" if self.blocks else ""
        return f"{Path(self.pretrained).name}{short}-bayes-forked"

    def begin(self, texts: Sequence[str], classes: int, folder: Path | None, label: int) -> Reader:
        """Return the pretrained model, of which what is above the fork is to be trained.

        Raises:
            BundleError: the package that brings the model is not installed.
            ParameterError: there is no such model, it cannot be shortened or forked there, or it
                cannot read `context` tokens; or no folder is given for a part of it.
        """
        part = self.pretrained
        if self.blocks is not None and self.vocabulary is not None:
            part = self._part(texts, folder, self.blocks, self.vocabulary)
        # Not `self.tuning`: adapters would stand below the fork, too.
        whole = FinetunedGenerative(self.window, self.context, pretrained=part, tuning="full")
        reader = whole.begin(texts, classes, folder, label)
        thaw_above(reader.model, self.fork, self.tuning, rank=self.rank, alpha=self.alpha)
        return reader

    def fit(
        self,
        train: Labelled,
        validation: Labelled,
        *,
        seed: int,
        folder: Path | None = None,
        progress: bool = False,
        on_epoch: Callable[[Row], None] | None = None,
    ) -> FittedForked:
        """Train the models of all classes together, and calibrate Bayes' rule on validation texts.

        With a `folder` a killed training goes on from its last checkpoint there, to the weights
        that an unbroken one ends with.

        Raises:
            DataError: a class has no text in training or in validation.
            ParameterError: the model cannot be forked.
            RunError: the loss is not finite.
        """
        for part, name in ((train, "training"), (validation, "validation")):
            for c in range(train.classes):
                _texts_of(part, c, name)
        torch.manual_seed(seed)
        readers = [self.begin(train.texts, train.classes, folder, c) for c in range(train.classes)]
        first = readers[0]
        held_out = self._windows(first, validation)
        drawn = np.random.default_rng(seed).permutation(len(held_out.tokens))[:JUDGED]
        judged = replace(
            held_out,
            tokens=[held_out.tokens[row] for row in drawn],
            labels=held_out.labels[drawn],
        )
        checkpoint = folder and folder / "checkpoint.safetensors"
        clock = EpochClock(folder and folder / "seconds.json", 0, checkpoint)
        result = fit(
            ForkedLM([reader.model for reader in readers], self.fork),
            self._windows(first, train, seed if self.one_window else None),
            judged,
            self.training, seed=seed, loss=weighted_sum,
            way=TellApart(self.bfloat16, len(first.opening), telling=self.telling),
            checkpoint=checkpoint, save_seconds=600.0, progress=progress,
            on_epoch=clock.telling(on_epoch),
        )  # fmt: skip
        fitted = FittedForked(
            readers, BayesRule.of(train.labels, train.classes), self.context, self.bfloat16,
            folder and folder / SCORED, [clock.timed(row) for row in result.history],
            result.best_epoch, shared=self.fork,
        )  # fmt: skip
        for reader in readers:
            merge_adapters(reader.model)
        likelihoods = fitted.log_likelihoods(validation.texts)
        fitted.rule = fitted.rule.calibrated(likelihoods, validation.labels)
        fitted.measured = {"temperature": fitted.rule.temperature, "growth": fitted.rule.growth}
        return fitted

    def load(self, folder: Path, classes: int) -> FittedForked:
        """Read a trained classifier back.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        fitted = FittedForked(**vars(super().load(folder, classes)), shared=self.fork)
        for reader in fitted.readers:
            merge_adapters(reader.model)
        return fitted

    def _part(self, texts: Sequence[str], folder: Path | None, blocks: int, vocabulary: int) -> str:
        """Return where the part of the pretrained model is, made from `texts` if it is not yet."""
        if folder is None:
            raise ParameterError("a part of a pretrained model is kept in a folder: give one")
        part = folder / PART
        if not (part / WRITTEN_LAST).exists():
            whole = load_decoder(self.pretrained)
            write_decoder(shortened(whole, texts, blocks=blocks, vocabulary=vocabulary), part)
        return str(part)

    def _windows(self, reader: Reader, part: Labelled, drawn: int | None = None) -> TextBatches:
        """Return all windows, or one of each text by the seed `drawn`, with the texts' labels."""
        of_text = [reader.windows([text], self.window) for text in part.texts]
        if drawn is not None:
            rng = np.random.default_rng(drawn)
            of_text = [[windows[rng.integers(len(windows))]] for windows in of_text]
        labels = np.repeat(part.labels, [len(windows) for windows in of_text])
        rows = [row for windows in of_text for row in windows]
        return TextBatches(rows, labels.astype(np.int64), self.batch_size, reader.end)
