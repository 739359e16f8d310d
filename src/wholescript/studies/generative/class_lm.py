"""Generative classifiers: a separately trained language model per class, and Bayes' rule."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

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
from wholescript.studies.generative.fitted_class_lm import (
    LOG_LIKELIHOODS_FILE,
    ClassLanguageModel,
    FittedGenerative,
)
from wholescript.studies.generative.settings import (
    FinetunedGenerativeSettings,
    ScratchGenerativeSettings,
)
from wholescript.training.checkpoint import load_trainable_state_dict, trainable_state_dict
from wholescript.training.document_batches import DocumentBatchLoader, IntArray
from wholescript.training.document_classifier import (
    LabelledDocuments,
    TokenizeFn,
    estimator_settings,
)
from wholescript.training.language_model import NextTokenObjective
from wholescript.training.phases import fit_phase
from wholescript.training.pretrain import pretrain
from wholescript.training.settings import GenerativeSettings, HistoryRow

BAYES_RULE_FILE = "rule.json"


class GenerativeClassifier(GenerativeSettings, ABC):
    """Base of the generative classifiers: one language model per class, and Bayes' rule.

    Every class gets the same number of steps per epoch and stops early on its own validation
    documents. Training documents are split into windows of at most `window` tokens. Documents of
    more than `block_size` tokens are scored in overlapping windows. `model` names the class in
    stored settings.

    Raises:
        ParameterError: a field is outside its range.
    """

    model: ClassVar[str]

    @property
    @abstractmethod
    def name(self) -> str:
        """The default name of a run."""

    @property
    def config(self) -> dict[str, Any]:
        """The stored settings: the model and all fields."""
        return estimator_settings(self)

    @abstractmethod
    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the untrained model of class `label` and its tokenizer; seed torch before.

        `texts` are the training documents of all `classes`, or empty to load a trained model.
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
        """Train a model per class, and calibrate Bayes' rule on the validation documents.

        With a `folder` a killed training resumes from its last checkpoint there and ends with the
        same weights.

        Raises:
            DataError: a class has no document in training or in validation.
            ParameterError: the settings do not fit the classes (`build_model`).
            RunError: the loss is not finite.
        """
        labels = range(train.classes)
        train_texts = [train.of_class(label, "training") for label in labels]
        val_texts = [validation.of_class(label, "validation") for label in labels]
        class_lms, history, best_epoch = list[ClassLanguageModel](), list[HistoryRow](), 0
        train_windows: list[list[IntArray]] = []
        for label, texts in enumerate(train_texts):
            torch.manual_seed(seed)
            class_lms.append(self.build_model(train.texts, train.classes, folder, label))
            train_windows.append(class_lms[-1].windows(texts, self.window))
        n_windows = max(map(len, train_windows))
        for label, class_lm in enumerate(class_lms):
            val_windows = class_lm.windows(val_texts[label], self.window)
            best_epoch = fit_phase(
                class_lm.model,
                self._loader(
                    _oversample(train_windows[label], n_windows, seed), class_lm.eos_token_id
                ),
                self._loader(val_windows, class_lm.eos_token_id),
                self.train_config, history, phase=label, folder=folder, seed=seed,
                loss=cross_entropy,
                objective=NextTokenObjective(self.bfloat16, len(class_lm.prefix)),
                save_interval_s=300.0, progress=progress, on_epoch_end=on_epoch_end,
                extra_columns={"class": label},
            )  # fmt: skip
        fitted = FittedGenerative(
            class_lms, BayesRule.from_labels(train.labels, train.classes), self.block_size,
            self.bfloat16, folder and folder / LOG_LIKELIHOODS_FILE, history, best_epoch,
        )  # fmt: skip
        fitted.calibrate(validation)
        for label in labels:
            losses = [float(row["val_loss"]) for row in history if row["class"] == label]
            fitted.extra_metrics[f"nats_per_token_{label}"] = min(losses)
        return fitted

    def save(self, fitted: FittedGenerative, folder: Path) -> None:
        """Write the trained parameters as safetensors, and Bayes' rule as JSON, into `folder`."""
        for label, class_lm in enumerate(fitted.class_lms):
            state = {k: v.contiguous() for k, v in trainable_state_dict(class_lm.model).items()}
            write_atomic(folder / f"class-{label}.safetensors", save(state))
        write_atomic(folder / BAYES_RULE_FILE, json.dumps(fitted.rule.metadata()))

    def load(self, folder: Path, classes: int) -> FittedGenerative:
        """Read a trained classifier from `folder`.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        class_lms = []
        try:
            for label in range(classes):
                class_lms.append(self.build_model((), classes, folder, label))
                load_trainable_state_dict(
                    class_lms[-1].model, load_file(folder / f"class-{label}.safetensors")
                )
            rule = BayesRule.from_metadata(json.loads((folder / BAYES_RULE_FILE).read_text()))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
            raise DataError(f"{folder} holds no trained {self.name} ({problem})") from None
        return FittedGenerative(
            class_lms, rule, self.block_size, self.bfloat16, folder / LOG_LIKELIHOODS_FILE
        )

    def _loader(self, rows: Sequence[IntArray], pad_token_id: int) -> DocumentBatchLoader:
        return DocumentBatchLoader(
            rows, np.zeros(len(rows), np.int64), self.batch_size, pad_token_id
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

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
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

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the pretrained model of class `label`, ready for fine-tuning.

        Raises:
            BundleError: the package of the model is not installed.
            ParameterError: there is no such model, its context is shorter than `block_size`, the
                number of prompts is not that of the classes, or a prompt fills half a window.
        """
        if self.prompts and len(self.prompts) != classes:
            raise ParameterError(
                f"there are {len(self.prompts)} prompts for {classes} classes: give one for each, "
                "in the order of the classes, or none"
            )
        decoder = load_decoder(self.pretrained)
        max_positions = getattr(decoder.model.config, "max_position_embeddings", None)
        if max_positions and max(self.window, self.block_size) > max_positions:
            raise ParameterError(
                f"window={self.window}, block_size={self.block_size}: the context of "
                f"{self.pretrained} has {max_positions} tokens"
            )
        base = prepare_for_tuning(decoder, self.tuning, rank=self.rank, alpha=self.alpha)
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


def _oversample(rows: list[IntArray], n_rows: int, seed: int) -> list[IntArray]:
    """Return `n_rows` rows: all of them, and a random part once more, or several times."""
    order = np.random.default_rng(seed).permutation(len(rows))
    return rows + [rows[order[i % len(rows)]] for i in range(n_rows - len(rows))]


def _with_eos(tokenize: TokenizeFn, eos_token_id: int) -> TokenizeFn:
    """Return a tokenizer that appends `eos_token_id` to each document."""

    def tokenize_with_eos(texts: Sequence[str]) -> list[IntArray]:
        return [np.append(ids, eos_token_id) for ids in tokenize(texts)]

    return tokenize_with_eos
