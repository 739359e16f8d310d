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
from wholescript.models.pruning import LAST_WRITTEN_FILE, prune_decoder, write_decoder
from wholescript.models.shared_trunk_lm import SharedTrunkLM, merge_adapters, unfreeze_above
from wholescript.studies.generative.class_lm import FinetunedGenerative, _texts_of_class
from wholescript.studies.generative.fitted import (
    LOG_LIKELIHOODS_FILE,
    ClassLanguageModel,
    FittedGenerative,
)
from wholescript.training.discriminative import DiscriminativeObjective, weighted_sum
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.documents import DocumentBatchLoader
from wholescript.training.epoch_clock import EpochTimer
from wholescript.training.language_model import CPU_TOKENS_PER_FORWARD
from wholescript.training.loop import HistoryRow, fit

PRUNED_MODEL_DIR = "pretrained"
MAX_VAL_WINDOWS = 512  # held-out windows that each epoch is judged by
CPU_TEXTS_PER_BATCH = 4  # texts of about one length, on a CPU
GPU_TEXTS_PER_BATCH = 64


@dataclass
class FittedSharedTrunk(FittedGenerative):
    """A language model for each class, which share their first `shared` blocks."""

    shared: int = 1

    def _log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        first = self.class_lms[0]
        rows = [np.concatenate([first.prefix, ids]) for ids in first.tokenize(texts)]
        if max(map(len, rows)) > self.block_size:
            return super()._log_likelihoods(texts)
        network = SharedTrunkLM([class_lm.model for class_lm in self.class_lms], self.shared)
        on_cpu = next(network.parameters()).device.type == "cpu"
        size = CPU_TEXTS_PER_BATCH if on_cpu else GPU_TEXTS_PER_BATCH
        batches = DocumentBatchLoader(rows, np.zeros(len(rows), np.int64), size, first.end)
        objective = DiscriminativeObjective(
            self.bfloat16, len(first.prefix), CPU_TOKENS_PER_FORWARD
        )
        return objective.log_likelihoods(network, batches)


@dataclass
class SharedTrunkGenerative(FinetunedGenerative):
    """A pretrained language model that forks into one for each class, all trained together.

    The first `fork` blocks read a text once for all classes and stay as they are; the others are
    trained, a share `telling` of the loss being that of the right class among all. Where each model
    alone learns to foretell its texts, of which the verdict is a small part, these learn what sets
    the classes apart; they are still models of language, joined by Bayes' rule.
    With `single_window` a training reads one window of each text, drawn once, and not all of them:
    what a text says again in its next window teaches less than another text.
    Of the pretrained model only `blocks` blocks and `vocabulary` tokens are taken, if that is
    asked for (`prune_decoder`).

    Raises:
        ParameterError: a field is outside its range, asks for prompts, or for a part of a model by
            one number alone.
    """

    batch_size: int = 8
    fork: int = 20
    telling: float = 0.8
    single_window: bool = False
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

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the pretrained model, of which what is above the fork is to be trained.

        Raises:
            BundleError: the package that brings the model is not installed.
            ParameterError: there is no such model, it cannot be shortened or forked there, or it
                cannot read `block_size` tokens; or no folder is given for a part of it.
        """
        part = self.pretrained
        if self.blocks is not None and self.vocabulary is not None:
            part = self._load_or_build_pruned(texts, folder, self.blocks, self.vocabulary)
        # Not `self.tuning`: adapters would stand below the fork, too.
        whole = FinetunedGenerative(self.window, self.block_size, pretrained=part, tuning="full")
        class_lm = whole.build_model(texts, classes, folder, label)
        unfreeze_above(class_lm.model, self.fork, self.tuning, rank=self.rank, alpha=self.alpha)
        return class_lm

    def fit(
        self,
        train: LabelledDocuments,
        validation: LabelledDocuments,
        *,
        seed: int,
        folder: Path | None = None,
        progress: bool = False,
        on_epoch_end: Callable[[HistoryRow], None] | None = None,
    ) -> FittedSharedTrunk:
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
                _texts_of_class(part, c, name)
        torch.manual_seed(seed)
        class_lms = [
            self.build_model(train.texts, train.classes, folder, c) for c in range(train.classes)
        ]
        first = class_lms[0]
        val_loader = self._labelled_windows(first, validation)
        drawn = np.random.default_rng(seed).permutation(len(val_loader.tokens))[:MAX_VAL_WINDOWS]
        judged = replace(
            val_loader,
            tokens=[val_loader.tokens[row] for row in drawn],
            labels=val_loader.labels[drawn],
        )
        checkpoint = folder and folder / "checkpoint.safetensors"
        timer = EpochTimer(folder and folder / "seconds.json", 0, checkpoint)
        result = fit(
            SharedTrunkLM([class_lm.model for class_lm in class_lms], self.fork),
            self._labelled_windows(first, train, seed if self.single_window else None),
            judged,
            self.training, seed=seed, loss=weighted_sum,
            objective=DiscriminativeObjective(self.bfloat16, len(first.prefix), telling=self.telling),
            checkpoint=checkpoint, save_interval_s=600.0, progress=progress,
            on_epoch_end=timer.telling(on_epoch_end),
        )  # fmt: skip
        fitted = FittedSharedTrunk(
            class_lms, BayesRule.of(train.labels, train.classes), self.block_size, self.bfloat16,
            folder and folder / LOG_LIKELIHOODS_FILE, [timer.with_seconds(row) for row in result.history],
            result.best_epoch, shared=self.fork,
        )  # fmt: skip
        for class_lm in class_lms:
            merge_adapters(class_lm.model)
        likelihoods = fitted.log_likelihoods(validation.texts)
        fitted.rule = fitted.rule.calibrated(likelihoods, validation.labels)
        fitted.extra_metrics = {
            "temperature": fitted.rule.temperature,
            "growth": fitted.rule.length_exponent,
        }
        return fitted

    def load(self, folder: Path, classes: int) -> FittedSharedTrunk:
        """Read a trained classifier back.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        fitted = FittedSharedTrunk(**vars(super().load(folder, classes)), shared=self.fork)
        for class_lm in fitted.class_lms:
            merge_adapters(class_lm.model)
        return fitted

    def _load_or_build_pruned(
        self, texts: Sequence[str], folder: Path | None, blocks: int, vocabulary: int
    ) -> str:
        """Return where the part of the pretrained model is, made from `texts` if it is not yet."""
        if folder is None:
            raise ParameterError("a part of a pretrained model is kept in a folder: give one")
        part = folder / PRUNED_MODEL_DIR
        if not (part / LAST_WRITTEN_FILE).exists():
            whole = load_decoder(self.pretrained)
            write_decoder(prune_decoder(whole, texts, blocks=blocks, vocabulary=vocabulary), part)
        return str(part)

    def _labelled_windows(
        self, class_lm: ClassLanguageModel, part: LabelledDocuments, drawn: int | None = None
    ) -> DocumentBatchLoader:
        """Return all windows, or one of each text by the seed `drawn`, with the texts' labels."""
        of_text = [class_lm.windows([text], self.window) for text in part.texts]
        if drawn is not None:
            rng = np.random.default_rng(drawn)
            of_text = [[windows[rng.integers(len(windows))]] for windows in of_text]
        labels = np.repeat(part.labels, [len(windows) for windows in of_text])
        rows = [row for windows in of_text for row in windows]
        return DocumentBatchLoader(rows, labels.astype(np.int64), self.batch_size, class_lm.end)
