"""Generative classifiers: a separately trained language model per class, and Bayes' rule."""

import json
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError, ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.features.tokenizers import load_or_build_subword_tokenizer
from wholescript.files import write_atomic
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.causal_lm import CausalLM, build_llama
from wholescript.models.types import IntArray
from wholescript.studies.generative.fitted_class_lm import (
    LOG_LIKELIHOODS_FILE,
    ClassLanguageModel,
    FittedGenerative,
)
from wholescript.studies.generative.settings import (
    FinetunedGenerativeSettings,
    ScratchGenerativeSettings,
)
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.checkpoint import load_trainable_state_dict, trainable_state_dict
from wholescript.training.document_classifier import (
    LabelledDocuments,
    TokenizeFn,
    TorchDocumentClassifier,
)
from wholescript.training.objectives.next_token import NextTokenObjective
from wholescript.training.phases import fit_phase
from wholescript.training.pretrain import pretrain
from wholescript.training.settings import GenerativeSettings, HistoryRow

BAYES_RULE_FILE = "rule.json"
TrainPhaseFn = Callable[..., int]  # `fit_phase` with the arguments of `fit`


class GenerativeClassifier(GenerativeSettings, TorchDocumentClassifier):
    """Base of the generative classifiers: one language model per class, and Bayes' rule.

    Every class gets the same number of steps per epoch and stops early on its own validation
    documents. Training documents are split into windows of at most `window` tokens. Documents of
    more than `block_size` tokens are scored in overlapping windows of that length.

    Raises:
        ParameterError: a field is outside its range.
    """

    @abstractmethod
    def build_class_lm(
        self, texts: Sequence[str], n_classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the untrained model of class `label` and its tokenizer; seed torch before.

        `texts` are the training documents of all classes, or empty to load a trained model.
        """

    def fit(
        self,
        train: LabelledDocuments,
        validation: LabelledDocuments,
        *,
        seed: int,
        folder: Path | None = None,
        progress: bool = False,
        on_epoch_end: Callable[[HistoryRow], None] | None = None,
    ) -> FittedGenerative:
        """Train the models, and calibrate Bayes' rule on the validation documents.

        Arguments and errors are those of the base class and of `build_class_lm`.
        """
        for documents, split in ((train, "training"), (validation, "validation")):
            for label in range(train.n_classes):
                documents.of_class(label, split)
        history = list[HistoryRow]()
        train_phase = partial(
            fit_phase, config=self.train_config, history=history, folder=folder, seed=seed,
            progress=progress, on_epoch_end=on_epoch_end,
        )  # fmt: skip
        class_lms, best_epoch = self._train_class_lms(train, validation, folder, seed, train_phase)
        rule = BayesRule.from_labels(train.labels, train.n_classes)
        fitted = self._fitted(class_lms, rule, folder)
        fitted.history, fitted.best_epoch = history, best_epoch
        fitted.calibrate(validation)
        for label in range(train.n_classes):
            if losses := [float(row["val_loss"]) for row in history if row.get("class") == label]:
                fitted.extra_metrics[f"nats_per_token_{label}"] = min(losses)
        return fitted

    def save(self, fitted: FittedGenerative, folder: Path) -> None:
        """Write the trained parameters as safetensors, and Bayes' rule as JSON, into `folder`."""
        for label, class_lm in enumerate(fitted.class_lms):
            state = {k: v.contiguous() for k, v in trainable_state_dict(class_lm.model).items()}
            write_atomic(folder / f"class-{label}.safetensors", save(state))
        write_atomic(folder / BAYES_RULE_FILE, json.dumps(fitted.rule.to_dict()))

    def load(self, folder: Path, n_classes: int) -> FittedGenerative:
        """Read a trained classifier from `folder`; errors are those of the base class."""
        class_lms = []
        try:
            for label in range(n_classes):
                class_lms.append(self.build_class_lm((), n_classes, folder, label))
                load_trainable_state_dict(
                    class_lms[-1].model, load_file(folder / f"class-{label}.safetensors")
                )
            rule = BayesRule.from_dict(json.loads((folder / BAYES_RULE_FILE).read_text()))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
            raise DataError(f"{folder} holds no trained {self.name} ({problem})") from None
        return self._fitted(class_lms, rule, folder)

    def _train_class_lms(
        self,
        train: LabelledDocuments,
        validation: LabelledDocuments,
        folder: Path | None,
        seed: int,
        train_phase: TrainPhaseFn,
    ) -> tuple[list[ClassLanguageModel], int]:
        """Return the trained models and the best epoch: here one phase per class."""
        labels = range(train.n_classes)
        class_lms, train_windows, best_epoch = list[ClassLanguageModel](), [], 0
        for label in labels:
            torch.manual_seed(seed)
            class_lms.append(self.build_class_lm(train.texts, train.n_classes, folder, label))
            texts = train.of_class(label, "training")
            train_windows.append(class_lms[-1].windows(texts, self.window))
        n_windows = max(map(len, train_windows))
        for label, class_lm in enumerate(class_lms):
            val_windows = class_lm.windows(validation.of_class(label, "validation"), self.window)
            oversampled = _oversample(train_windows[label], n_windows, seed)
            best_epoch = train_phase(
                class_lm.model,
                self._loader(oversampled, class_lm.eos_token_id),
                self._loader(val_windows, class_lm.eos_token_id),
                phase=label,
                loss=cross_entropy,
                objective=NextTokenObjective(self.bfloat16, len(class_lm.prefix)),
                save_interval_s=300.0,
                extra_columns={"class": label},
            )
        return class_lms, best_epoch

    def _fitted(
        self, class_lms: list[ClassLanguageModel], rule: BayesRule, folder: Path | None
    ) -> FittedGenerative:
        cache = folder and folder / LOG_LIKELIHOODS_FILE
        return FittedGenerative(class_lms, rule, self.block_size, self.bfloat16, cache)

    def _loader(self, windows: Sequence[IntArray], pad_token_id: int) -> DocumentBatchLoader:
        return DocumentBatchLoader(
            windows, np.zeros(len(windows), np.int64), self.batch_size, pad_token_id
        )


class ScratchGenerative(ScratchGenerativeSettings, GenerativeClassifier):
    """Small Llama models, one per class, trained from scratch.

    All classes share a tokenizer that is trained on the documents of all classes, so that their
    likelihoods are comparable. With `pretrain` all models start from one that is trained on the
    documents of all classes and the `unlabelled` ones.
    """

    model: ClassVar[str] = "ScratchGenerative"

    @property
    def name(self) -> str:
        """The default name of a run, such as `lm-tiny` or `lm-tiny-pretrained`."""
        return f"lm-{self.size}" + ("-pretrained" if self.pretrain else "")

    def build_class_lm(
        self, texts: Sequence[str], n_classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return a model over the tokens of `texts` and one more that ends a document.

        It has random weights, or those of the pretraining.
        """
        tokenizer = load_or_build_subword_tokenizer(folder, "bpe", texts, self.vocab_size)
        eos_token_id = tokenizer.vocab_size
        model = build_llama(tokenizer.vocab_size + 1, self.size)
        class_lm = ClassLanguageModel(
            model,
            _with_eos(tokenizer, eos_token_id),
            tokenizer.decode,
            np.array([eos_token_id]),
            eos_token_id,
        )
        if self.pretrain and texts:
            pretrain(
                model, model, lambda: class_lm.windows([*texts, *self.unlabelled], self.window),
                self.pretrain, NextTokenObjective(self.bfloat16), batch_size=self.batch_size,
                pad_token_id=eos_token_id, folder=folder,
            )  # fmt: skip
        return class_lm


class FinetunedGenerative(FinetunedGenerativeSettings, GenerativeClassifier):
    """A pretrained language model, fine-tuned once per class: all weights, or LoRA adapters.

    `prompts` has one prompt per class, which precedes its documents (Min et al., 2022), or is
    empty. Of a document longer than `block_size` tokens only the first window has the prompt.
    """

    model: ClassVar[str] = "FinetunedGenerative"

    @property
    def name(self) -> str:
        """The default name of a run, such as `smollm2-bayes-lora-prompted`."""
        prompted = "-prompted" if self.prompts else ""
        return f"{Path(self.pretrained).name}-bayes-{self.tuning}{prompted}"

    def build_class_lm(
        self, texts: Sequence[str], n_classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the pretrained model of class `label`, ready for fine-tuning.

        Raises:
            BundleError: the package of the model is not installed.
            ParameterError: there is no such model, its context is shorter than `block_size`, the
                number of prompts is not that of the classes, or a prompt fills half a window.
        """
        if self.prompts and len(self.prompts) != n_classes:
            raise ParameterError(
                f"there are {len(self.prompts)} prompts for {n_classes} classes: give one for "
                "each, in the order of the classes, or none"
            )
        decoder = load_decoder(self.pretrained)
        max_positions = getattr(decoder.model.config, "max_position_embeddings", None)
        if max_positions and max(self.window, self.block_size) > max_positions:
            raise ParameterError(
                f"window={self.window}, block_size={self.block_size}: the context of "
                f"{self.pretrained} has {max_positions} tokens"
            )
        base = prepare_for_tuning(decoder, self.tuning, lora_rank=self.rank, lora_alpha=self.alpha)
        # Embeddings and output layer have no adapters: with LoRA they stay frozen.
        decoder.model.get_output_embeddings().requires_grad_(self.tuning == "full")

        def tokenize(texts: Sequence[str]) -> list[IntArray]:
            return [np.array(decoder.encode(text), np.int64) for text in texts]

        def decode(ids: IntArray) -> str:
            return str(decoder.tokenizer.decode(ids.tolist()))

        prompt = decoder.encode(f"{self.prompts[label]}\n") if self.prompts else []
        prefix = np.array([decoder.bos_token_id, *prompt], np.int64)
        if len(prefix) > self.window // 2:
            raise ParameterError(
                f"the prompt of class {label} has {len(prefix) - 1} tokens: more than half of "
                f"window={self.window}"
            )
        model = CausalLM(decoder.model, base)
        return ClassLanguageModel(
            model, _with_eos(tokenize, decoder.bos_token_id), decode, prefix, decoder.bos_token_id
        )


def _oversample(windows: list[IntArray], n_windows: int, seed: int) -> list[IntArray]:
    """Return `n_windows` windows: all of them, and a random part once more, or several times."""
    order = np.random.default_rng(seed).permutation(len(windows))
    repeated = [windows[order[i % len(windows)]] for i in range(n_windows - len(windows))]
    return windows + repeated


def _with_eos(tokenize: TokenizeFn, eos_token_id: int) -> TokenizeFn:
    """Return a tokenizer that appends `eos_token_id` to each document."""

    def tokenize_with_eos(texts: Sequence[str]) -> list[IntArray]:
        return [np.append(ids, eos_token_id) for ids in tokenize(texts)]

    return tokenize_with_eos
