"""Generative classifiers: a language model for each class, trained alone, and Bayes' rule."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError, ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.features.pretrained_encoders import cpu_has_bfloat16
from wholescript.features.tokenizers import build_subword_tokenizer, load_subword_tokenizer
from wholescript.files import write_atomic
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.bayes_rule import BayesRule
from wholescript.models.causal_lm import CausalLM, build_llama
from wholescript.models.transformer_classifier import check_size
from wholescript.studies.classifiers.scratch import TOKENIZER_FILE
from wholescript.studies.generative.fitted import (
    LOG_LIKELIHOODS_FILE,
    ClassLanguageModel,
    FittedGenerative,
    TokenizeFn,
)
from wholescript.training.checkpoint import load_trainable_state_dict, trainable_state_dict
from wholescript.training.document_classifier import LabelledDocuments
from wholescript.training.documents import DocumentBatchLoader, IntArray
from wholescript.training.epoch_clock import EpochTimer
from wholescript.training.language_model import NextTokenObjective
from wholescript.training.loop import HistoryRow, TrainConfig, fit
from wholescript.training.pretrain import pretrain

BAYES_RULE_FILE = "rule.json"
LM_TRAIN_CONFIG = TrainConfig(
    epochs=6,
    learning_rate=1e-3,
    weight_decay=0.1,
    patience=1,
    chunk_dropout=0.0,
    monitor="held_out_loss",
)


@dataclass
class GenerativeClassifier(ABC):
    """What both kinds share: each class's model is offered as many steps on its own texts.

    Each stops alone, when texts of its class that are held out are foretold no better.
    Texts are cut into windows of at most `window` tokens to train on, so that nothing is left out;
    they are scored whole, or, beyond `block_size` tokens, in windows that overlap.

    Raises:
        ParameterError: a field is outside its range.
    """

    window: int = 256
    block_size: int = 512
    batch_size: int = 16
    bfloat16: bool = field(default_factory=cpu_has_bfloat16)
    training: TrainConfig = field(default_factory=lambda: LM_TRAIN_CONFIG)

    def __post_init__(self) -> None:
        """Refuse what could not train."""
        if self.window < 2 or self.block_size < 2 or self.batch_size < 1:
            raise ParameterError(
                f"window={self.window} and block_size={self.block_size} must be at least 2 and "
                f"batch_size={self.batch_size} at least 1"
            )

    @property
    @abstractmethod
    def name(self) -> str:
        """What a run of it is called."""

    @property
    def config(self) -> dict[str, Any]:
        """All fields."""
        return {"model": type(self).__name__, **asdict(self)}

    @abstractmethod
    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return a model to be trained for the class `label`, and its tokenizer; seed torch before.

        `texts` are those of all `classes`.
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
        """Train a model for each class, and calibrate Bayes' rule on the validation texts.

        With a `folder` a killed training goes on from its last checkpoint there, to the weights
        that an unbroken one ends with.

        Raises:
            DataError: a class has no text in training or in validation.
            ParameterError: the settings do not go with the classes (`build_model`).
            RunError: the loss is not finite.
        """
        of_class = [_texts_of_class(train, c, "training") for c in range(train.classes)]
        held_out = [_texts_of_class(validation, c, "validation") for c in range(train.classes)]
        class_lms, history, best = [], list[HistoryRow](), 0
        cut: list[list[IntArray]] = []
        for c, texts in enumerate(of_class):
            torch.manual_seed(seed)
            class_lms.append(self.build_model(train.texts, train.classes, folder, c))
            cut.append(class_lms[-1].windows(texts, self.window))
        rows = max(map(len, cut))
        for c, class_lm in enumerate(class_lms):
            held = class_lm.windows(held_out[c], self.window)
            checkpoint = folder and folder / f"checkpoint-{c}.safetensors"
            timer = EpochTimer(folder and folder / f"seconds-{c}.json", len(history), checkpoint)
            result = fit(
                class_lm.model,
                self._batches(_oversample(cut[c], rows, seed), class_lm.end),
                self._batches(held, class_lm.end),
                self.training, seed=seed, loss=cross_entropy,
                objective=NextTokenObjective(self.bfloat16, len(class_lm.prefix)),
                checkpoint=checkpoint, save_interval_s=300.0, progress=progress,
                on_epoch_end=timer.epoch_callback(on_epoch_end, {"class": c}),
            )  # fmt: skip
            best = len(history) + result.best_epoch
            history += [{"class": c, **timer.with_seconds(row)} for row in result.history]
        scored = folder and folder / LOG_LIKELIHOODS_FILE
        fitted = FittedGenerative(
            class_lms, BayesRule.of(train.labels, train.classes), self.block_size, self.bfloat16,
            scored, history, best,
        )  # fmt: skip
        likelihoods = fitted.log_likelihoods(validation.texts)
        fitted.rule = fitted.rule.calibrated(likelihoods, validation.labels)
        rule = fitted.rule
        fitted.extra_metrics = {"temperature": rule.temperature, "growth": rule.length_exponent}
        for c in range(train.classes):
            losses = [float(row["held_out_loss"]) for row in history if row["class"] == c]
            fitted.extra_metrics[f"nats_per_token_{c}"] = min(losses)
        return fitted

    def save(self, fitted: FittedGenerative, folder: Path) -> None:
        """Write what was trained as safetensors, and the rule, into `folder`."""
        for c, class_lm in enumerate(fitted.class_lms):
            state = {k: v.contiguous() for k, v in trainable_state_dict(class_lm.model).items()}
            write_atomic(folder / f"class-{c}.safetensors", save(state))
        write_atomic(folder / BAYES_RULE_FILE, json.dumps(fitted.rule.metadata()))

    def load(self, folder: Path, classes: int) -> FittedGenerative:
        """Read a trained classifier back.

        Raises:
            DataError: the folder holds none, or one of other settings.
        """
        class_lms = []
        try:
            for c in range(classes):
                class_lms.append(self.build_model((), classes, folder, c))
                load_trainable_state_dict(
                    class_lms[-1].model, load_file(folder / f"class-{c}.safetensors")
                )
            rule = BayesRule.from_state_dict(json.loads((folder / BAYES_RULE_FILE).read_text()))
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as problem:
            raise DataError(f"{folder} holds no trained {self.name} ({problem})") from None
        return FittedGenerative(
            class_lms, rule, self.block_size, self.bfloat16, folder / LOG_LIKELIHOODS_FILE
        )

    def _batches(self, rows: Sequence[IntArray], pad_token_id: int) -> DocumentBatchLoader:
        return DocumentBatchLoader(
            rows, np.zeros(len(rows), np.int64), self.batch_size, pad_token_id
        )


@dataclass
class ScratchGenerative(GenerativeClassifier):
    """Small language models, a class each, that know nothing but the training texts.

    Their tokenizer is trained on the texts of all classes: texts are likelier under one class or
    another only over the same tokens. With `reading` they begin as one model, that has read the
    texts of all classes and `unlabelled` ones.
    """

    block_size: int = 256  # farther than a window it has never read
    size: str = "small"
    vocab_size: int = (
        2_000  # of 8,000 a step takes a CPU three times as long, most of it to read out
    )
    reading: TrainConfig | None = None
    unlabelled: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse sizes that are not there."""
        super().__post_init__()
        check_size(self.size)

    @property
    def name(self) -> str:
        """The size, as a run is called."""
        return f"lm-{self.size}" + ("-pretrained" if self.reading else "")

    @property
    def config(self) -> dict[str, Any]:
        """All fields; of the unlabelled texts, how many there are: their set is told elsewhere."""
        fields = asdict(replace(self, unlabelled=()))
        return {"model": type(self).__name__, **fields, "unlabelled": len(self.unlabelled)}

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return a model over the tokens of `texts`, and one that marks both ends.

        It is untrained, or has read what all classes have before them.
        """
        path = folder and folder / TOKENIZER_FILE
        if path and (path.exists() or not texts):
            pieces = load_subword_tokenizer(path)
        else:
            pieces = build_subword_tokenizer("bpe", texts, size=self.vocab_size)
            if path:
                pieces.save(path)
        eos_token_id = pieces.vocab_size
        model = build_llama(pieces.vocab_size + 1, self.size)
        class_lm = ClassLanguageModel(
            model,
            _with_eos(pieces, eos_token_id),
            pieces.decode,
            np.array([eos_token_id]),
            eos_token_id,
        )
        if self.reading and texts:
            pretrain(
                model, model, lambda: class_lm.windows([*texts, *self.unlabelled], self.window),
                self.reading, NextTokenObjective(self.bfloat16), batch_size=self.batch_size,
                pad_token_id=eos_token_id, folder=folder,
            )  # fmt: skip
        return class_lm


@dataclass
class FinetunedGenerative(GenerativeClassifier):
    """A pretrained language model, fine-tuned once for each class: all of it, or by LoRA.

    With `prompts`, one a class, the texts of a class are read after its prompt (Min et al., 2022):
    the model then knows from its first step on which verdict it is to expect. Of a text longer than
    `block_size` the later windows are scored without it.
    """

    block_size: int = 4_096
    batch_size: int = 4
    pretrained: str = "smollm2"
    tuning: Literal["full", "lora"] = "lora"
    rank: int = 8
    alpha: int = 16
    prompts: tuple[str, ...] = ()
    training: TrainConfig = field(
        default_factory=lambda: replace(LM_TRAIN_CONFIG, epochs=1, learning_rate=5e-4)
    )

    def __post_init__(self) -> None:
        """Refuse names that are not there."""
        super().__post_init__()
        if self.tuning not in ("full", "lora"):
            raise ParameterError(f"tuning={self.tuning!r} is none of full, lora")

    @property
    def name(self) -> str:
        """The model and how it is tuned, as a run is called."""
        prompted = "-prompted" if self.prompts else ""
        return f"{Path(self.pretrained).name}-bayes-{self.tuning}{prompted}"

    def build_model(
        self, texts: Sequence[str], classes: int, folder: Path | None, label: int
    ) -> ClassLanguageModel:
        """Return the pretrained model, to be trained on.

        Raises:
            BundleError: the package that brings the model is not installed.
            ParameterError: there is no such model, it cannot read `block_size` tokens, not each class
                has a prompt, or one leaves no room in a window.
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
                f"window={self.window}, block_size={self.block_size}: {self.pretrained} reads at most "
                f"{max_positions} tokens"
            )
        # What reads tokens in and out stays as it is under LoRA: no adapter stands there.
        base = prepare_for_tuning(decoder, self.tuning, rank=self.rank, alpha=self.alpha)
        decoder.model.get_output_embeddings().requires_grad_(self.tuning == "full")

        def tokenize(texts: Sequence[str]) -> list[IntArray]:
            return [np.array(decoder.tokens(text), np.int64) for text in texts]

        def decode(ids: IntArray) -> str:
            return str(decoder.tokenizer.decode(ids.tolist()))

        prompt = decoder.tokens(f"{self.prompts[label]}\n") if self.prompts else []
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


def _texts_of_class(part: LabelledDocuments, c: int, name: str) -> list[str]:
    texts = [text for text, label in zip(part.texts, part.labels, strict=True) if label == c]
    if not texts:
        raise DataError(f"no {name} text is of class {c}: its language cannot be learnt")
    return texts


def _oversample(rows: list[IntArray], count: int, seed: int) -> list[IntArray]:
    """Return all rows, and some of them again where there are fewer than `count`."""
    again = np.random.default_rng(seed).permutation(len(rows))
    return rows + [rows[again[place % len(rows)]] for place in range(count - len(rows))]


def _with_eos(tokenize: TokenizeFn, eos_token_id: int) -> TokenizeFn:
    """Return a tokenizer that puts a mark behind a text."""

    def ended(texts: Sequence[str]) -> list[IntArray]:
        return [np.append(ids, eos_token_id) for ids in tokenize(texts)]

    return ended
