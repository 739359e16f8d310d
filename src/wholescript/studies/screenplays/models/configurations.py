"""The settings of the models of the report, by display name."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

import pandas as pd

from wholescript.features.bundle import ChunkEmbeddings
from wholescript.models.films.decoder_embeddings import DecoderEmbeddingEstimator
from wholescript.models.films.estimator import Estimator
from wholescript.models.films.extra_features import EXTRA_FEATURE_DIMS
from wholescript.models.films.mean_embedding import MeanPoolingLR
from wholescript.models.films.ngram_kernel import NgramKernelLR
from wholescript.models.films.selection import SelectedEstimator
from wholescript.studies.screenplays.models.end_to_end import EndToEndClassifier
from wholescript.studies.screenplays.models.mil import MILClassifier
from wholescript.studies.screenplays.models.pretraining import MLMConfig
from wholescript.training.loop import TrainConfig

SCRATCH_ENCODER: dict[str, Any] = {"d_model": 128, "n_head": 4, "d_feedforward": 512, "n_layer": 2}
"""Options of the chunk encoder that is trained from scratch."""


KERNEL_WEIGHTS = (0.01, 0.02, 0.05)  # of a Gaussian kernel beside n-grams, which weigh 1 together


class ScriptEstimator(Estimator, Protocol):
    """An estimator that needs the texts of the scripts."""

    def cache_inputs(self, scripts: Iterable[tuple[str, str]], *, total: int | None = None) -> None:
        """Process scripts, given as (SHA-1 of the text, text), into a cache."""


def ngram_models() -> dict[str, Estimator]:
    """Return kernel models of n-grams, alone and with layout, year and length beside them.

    The weight of the kernels beside the n-grams is chosen on inner folds.
    """
    sizes = {"unigrams": (1,), "bigrams": (2,), "trigrams": (3,), "unigrams and bigrams": (1, 2)}
    alone: dict[str, Estimator] = {
        name: NgramKernelLR(name=name.replace(" and ", "-"), sizes=size)
        for name, size in sizes.items()
    }
    beside = (("layout",), ("year",), ("year", "length"), ("layout", "year", "length"))
    return (
        alone
        | {"n-grams (1 to 3)": NgramKernelLR(name="ngrams")}
        | {f"n-grams, {', '.join(names)}": _with_gaussian_kernels(*names) for names in beside}
    )


def _with_gaussian_kernels(*names: str) -> SelectedEstimator:
    run_name = "-".join(("ngrams", *names))
    candidates = [
        NgramKernelLR(
            name=f"{run_name}-{weight}", gaussian_kernels=tuple((name, weight) for name in names)
        )
        for weight in KERNEL_WEIGHTS
    ]
    return SelectedEstimator(candidates, name=run_name)


def aggregators(epochs: int, n_inner_folds: int) -> dict[str, Estimator]:
    """Return the aggregators without self-attention over the chunks.

    `epochs` is the maximum, `n_inner_folds` the number of networks that are averaged. Gated
    attention has no layer norm and tolerates the higher learning rate. Widths and learning rates
    were set by a few trials on some of the films that the report tests on, not by nested selection.
    """
    gated = TrainConfig(epochs=min(12, epochs), learning_rate=3e-3, patience=3)
    decoder = TrainConfig(epochs=min(10, epochs), learning_rate=1e-3, patience=3)
    return {
        "mean pooling": MeanPoolingLR(),
        "gated attention": MILClassifier(
            "gated_attention", n_inner_folds=n_inner_folds, train_config=gated
        ),
        "query decoder": MILClassifier(
            "query_decoder", n_inner_folds=n_inner_folds, train_config=decoder
        ),
    }


def self_attention_aggregators(epochs: int, n_inner_folds: int) -> dict[str, Estimator]:
    """Return the aggregators with self-attention over the chunks.

    A step takes three times as long as that of the query decoder: at most 3 inner folds are used.
    """
    config = TrainConfig(epochs=min(8, epochs), learning_rate=1e-3, patience=2)
    n_folds = min(3, n_inner_folds)
    return {
        "transformer encoder": MILClassifier(
            "transformer_encoder", n_inner_folds=n_folds, train_config=config
        ),
        "linear attention": MILClassifier(
            "linear_attention", n_inner_folds=n_folds, train_config=config
        ),
    }


def late_fusion_models(epochs: int, n_inner_folds: int) -> dict[str, MILClassifier]:
    """Return gated attention with late fusion of extra features."""
    base = cast(MILClassifier, aggregators(epochs, n_inner_folds)["gated attention"])
    return {
        "year and length": replace(base, extra_features=("year", "length")),
        "layout": replace(base, extra_features=("layout",)),
        "TF-IDF": replace(base, extra_features=("tfidf",)),
        "year, length, layout, TF-IDF": replace(base, extra_features=tuple(EXTRA_FEATURE_DIMS)),
    }


def end_to_end_models(profile: str = "cpu") -> Mapping[str, ScriptEstimator]:
    """Return the models that need the texts.

    Sizes and epochs were set by what two cores train in an hour, without trials. With the run
    profile smoke, each is trained for one epoch on two chunks of a film.
    """
    mlm_config = TrainConfig(
        epochs=2, learning_rate=1e-3, weight_decay=0.01, patience=2, chunk_dropout=0.0
    )
    config = TrainConfig(epochs=4, learning_rate=5e-4, patience=2, chunk_dropout=0.0)
    short_config = replace(config, epochs=2)
    causal = {"positions": "rotary", "causal": True}
    gated = aggregators(epochs=12, n_inner_folds=5)["gated attention"]
    models: dict[str, EndToEndClassifier | DecoderEmbeddingEstimator] = {
        "from scratch, MLM pretraining": EndToEndClassifier(
            "scratch-mlm-pretrained",
            n_train_chunks=8,
            n_eval_chunks=24,
            memory_strategy="full_backprop",
            encoder_options=SCRATCH_ENCODER,
            pretrain_config=MLMConfig(n_train_chunks=8, train_config=mlm_config),
            train_config=config,
        ),
        "from scratch, causal": EndToEndClassifier(
            "scratch-causal",
            n_train_chunks=8,
            n_eval_chunks=16,
            memory_strategy="full_backprop",
            encoder_options=SCRATCH_ENCODER | causal,
            train_config=short_config,
        ),
        "MiniLM, partially fine-tuned": EndToEndClassifier(
            "minilm-partially-finetuned",
            "partially_finetuned",
            n_train_chunks=4,
            n_eval_chunks=12,
            memory_strategy="full_backprop",
            train_config=short_config,
        ),
        "SmolLM2 embeddings, mean pooling": DecoderEmbeddingEstimator(MeanPoolingLR()),
        "SmolLM2 embeddings, gated attention": DecoderEmbeddingEstimator(gated),
    }
    if profile == "smoke":
        return {name: _shrink(model) for name, model in models.items()}
    return models


def _shrink(model: EndToEndClassifier | DecoderEmbeddingEstimator) -> ScriptEstimator:
    """Return a model with one epoch, two inner folds and two chunks of each film."""
    if isinstance(model, DecoderEmbeddingEstimator):
        inner = model.estimator
        if isinstance(inner, MILClassifier):
            config = replace(inner.train_config, epochs=1)
            inner = replace(inner, n_inner_folds=2, train_config=config)
        return replace(model, estimator=inner, decoder=replace(model.decoder, n_chunks=2))
    pretraining = model.pretrain_config
    if pretraining:
        config = replace(pretraining.train_config, epochs=1)
        pretraining = replace(pretraining, n_train_chunks=2, train_config=config)
    return replace(
        model,
        n_train_chunks=2,
        n_eval_chunks=2,
        n_inner_folds=2,
        pretrain_config=pretraining,
        train_config=replace(model.train_config, epochs=1),
    )


def parameter_table(models: dict[str, Estimator], chunks: ChunkEmbeddings) -> pd.DataFrame:
    """Return a row for each model: `dimensions` of the chunk vectors, and trained `parameters`."""
    rows = []
    for name, model in models.items():
        if isinstance(model, MILClassifier):
            n_parameters = sum(p.numel() for p in model.build().parameters())
            rows.append((name, model.dimensions, n_parameters))
        else:
            width = chunks.codes.shape[1]
            rows.append((name, width, width + 1))
    table = pd.DataFrame(rows, columns=["model", "dimensions", "parameters"])
    return table.set_index("model")
