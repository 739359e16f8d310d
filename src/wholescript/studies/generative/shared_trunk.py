"""Generative classifiers on a shared trunk, trained discriminatively."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.adapters import merge_adapters, unfreeze_above
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.pruning import LAST_WRITTEN_FILE, prune_decoder, write_decoder
from wholescript.models.shared_trunk_lm import SharedTrunkLM
from wholescript.studies.generative.class_lm import FinetunedGenerative, TrainPhaseFn
from wholescript.studies.generative.fitted_class_lm import ClassLanguageModel, FittedGenerative
from wholescript.studies.generative.settings import SharedTrunkSettings
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.objectives.discriminative import DiscriminativeObjective, weighted_sum
from wholescript.training.windows import CPU_TOKENS_PER_FORWARD

PRUNED_MODEL_DIR = "pruned"
MAX_VAL_WINDOWS = 512  # windows that the validation metrics of an epoch are computed on
CPU_BATCH_SIZE, GPU_BATCH_SIZE = 4, 64  # documents that are scored in one batch


@dataclass
class FittedSharedTrunk(FittedGenerative):
    """A language model per class; the first `n_shared_layers` layers are shared."""

    n_shared_layers: int = 1

    def _log_likelihoods(self, texts: Sequence[str]) -> NDArray[np.float64]:
        first = self.class_lms[0]
        tokens = [np.concatenate([first.prefix, ids]) for ids in first.tokenize(texts)]
        if max(map(len, tokens)) > self.block_size:
            return super()._log_likelihoods(texts)
        network = SharedTrunkLM(
            [class_lm.model for class_lm in self.class_lms], self.n_shared_layers
        )
        on_cpu = next(network.parameters()).device.type == "cpu"
        batch_size = CPU_BATCH_SIZE if on_cpu else GPU_BATCH_SIZE
        loader = DocumentBatchLoader(
            tokens, np.zeros(len(tokens), np.int64), batch_size, first.eos_token_id
        )
        objective = DiscriminativeObjective(
            self.bfloat16, len(first.prefix), CPU_TOKENS_PER_FORWARD
        )
        return objective.log_likelihoods(network, loader)


class SharedTrunkGenerative(SharedTrunkSettings, FinetunedGenerative):
    """A pretrained language model with a shared trunk and class-specific upper layers.

    The first `n_shared_layers` layers are frozen and computed once for all classes. The upper
    layers of all classes are trained together with `disc_weight` x label cross-entropy +
    (1 - `disc_weight`) x next-token cross-entropy (Krause et al., 2021). With `single_window` one
    random window of each document is trained on, the same in every epoch, instead of all. With
    `n_layer` and `vocab_size` the pretrained model is first pruned to its first `n_layer` layers
    and `vocab_size` tokens (`prune_decoder`).

    Raises:
        ParameterError: a field is outside its range, there are prompts, or only one of `n_layer`
            and `vocab_size` is given.
    """

    model: ClassVar[str] = "SharedTrunkGenerative"

    @property
    def name(self) -> str:
        """The default name of a run, such as `smollm2-pruned-bayes-shared-trunk`."""
        pruned = "-pruned" if self.n_layer else ""
        return f"{Path(self.pretrained).name}{pruned}-bayes-shared-trunk"

    def build_class_lm(
        self, texts: Sequence[str], n_classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the pretrained model with its layers above the trunk unfrozen.

        Raises:
            BundleError: the package of the model is not installed.
            ParameterError: there is no such model, it cannot be pruned, it has too few layers for
                the trunk, its context is shorter than `block_size`, or a pruned model has no
                folder.
        """
        pretrained = self.pretrained
        if self.n_layer is not None and self.vocab_size is not None:
            pretrained = self._load_or_build_pruned(texts, folder, self.n_layer, self.vocab_size)
        # Not `self.tuning`, which would add adapters to the trunk as well.
        finetuned = FinetunedGenerative(
            self.window, self.block_size, pretrained=pretrained, tuning="full"
        )
        class_lm = finetuned.build_class_lm(texts, n_classes, folder, label)
        unfreeze_above(
            class_lm.model,
            self.n_shared_layers,
            self.tuning,
            lora_rank=self.rank,
            lora_alpha=self.alpha,
        )
        return class_lm

    def _train_class_lms(
        self,
        train: LabelledDocuments,
        validation: LabelledDocuments,
        folder: Path | None,
        seed: int,
        train_phase: TrainPhaseFn,
    ) -> tuple[list[ClassLanguageModel], int]:
        """Return the trained models and the best epoch: one phase for all classes."""
        torch.manual_seed(seed)
        class_lms = [
            self.build_class_lm(train.texts, train.n_classes, folder, label)
            for label in range(train.n_classes)
        ]
        first = class_lms[0]
        val_loader = self._labelled_windows(first, validation)
        sampled = np.random.default_rng(seed).permutation(len(val_loader.tokens))
        sampled = sampled[:MAX_VAL_WINDOWS]
        best_epoch = train_phase(
            SharedTrunkLM([class_lm.model for class_lm in class_lms], self.n_shared_layers),
            self._labelled_windows(first, train, seed if self.single_window else None),
            replace(
                val_loader,
                tokens=[val_loader.tokens[index] for index in sampled],
                labels=val_loader.labels[sampled],
            ),
            loss=weighted_sum,
            objective=DiscriminativeObjective(
                self.bfloat16, len(first.prefix), disc_weight=self.disc_weight
            ),
            save_interval_s=600.0,
        )
        return class_lms, best_epoch

    def _fitted(
        self, class_lms: list[ClassLanguageModel], rule: BayesRule, folder: Path | None
    ) -> FittedSharedTrunk:
        for class_lm in class_lms:
            merge_adapters(class_lm.model)
        fitted = super()._fitted(class_lms, rule, folder)
        return FittedSharedTrunk(**vars(fitted), n_shared_layers=self.n_shared_layers)

    def _load_or_build_pruned(
        self, texts: Sequence[str], folder: Path | None, n_layer: int, vocab_size: int
    ) -> str:
        """Return the folder of the pruned model, which is made from `texts` if it is missing."""
        if folder is None:
            raise ParameterError("a pruned model is stored in a folder: give one")
        pruned_path = folder / PRUNED_MODEL_DIR
        if not (pruned_path / LAST_WRITTEN_FILE).exists():
            decoder = load_decoder(self.pretrained)
            pruned = prune_decoder(decoder, texts, n_layer=n_layer, vocab_size=vocab_size)
            write_decoder(pruned, pruned_path)
        return str(pruned_path)

    def _labelled_windows(
        self,
        class_lm: ClassLanguageModel,
        documents: LabelledDocuments,
        sample_seed: int | None = None,
    ) -> DocumentBatchLoader:
        """Return all windows of the documents, or with `sample_seed` one random window of each."""
        by_document = [class_lm.windows([text], self.window) for text in documents.texts]
        if sample_seed is not None:
            rng = np.random.default_rng(sample_seed)
            by_document = [[windows[rng.integers(len(windows))]] for windows in by_document]
        labels = np.repeat(documents.labels, [len(windows) for windows in by_document])
        return DocumentBatchLoader(
            list(chain.from_iterable(by_document)), labels.astype(np.int64), self.batch_size,
            class_lm.eos_token_id,
        )  # fmt: skip
