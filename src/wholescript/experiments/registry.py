"""The registry: classes of models and data sets by their stored names.

Importing it loads no model code: classes are named by their path and imported by `ModelInfo.load`.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from wholescript.data.datasets import DATASETS as LABELLED_DATASETS
from wholescript.errors import ParameterError, did_you_mean


@dataclass(frozen=True)
class ModelInfo:
    """A class of models.

    `name` is the "model" of stored settings, `import_path` is `module:Class`. `checkpoint` is the
    name in `CHECKPOINTS` of the frozen encoder whose embeddings the model takes, if it takes any.
    """

    name: str
    display_name: str
    import_path: str
    checkpoint: str = ""

    def load(self) -> Any:
        """Import the class and return it."""
        return load_class(self.import_path)


def load_class(import_path: str) -> Any:
    """Import a class by its path `module:Class`."""
    module, _, name = import_path.partition(":")
    return getattr(import_module(module), name)


@dataclass(frozen=True)
class CheckpointInfo:
    """A pretrained model: its name in settings, that of its authors, and its address."""

    name: str
    display_name: str
    url: str


@dataclass(frozen=True)
class DatasetInfo:
    """A data set, and what the pages say of it.

    Attributes:
        name: its name in runs.
        display_name: its name on pages.
        hub_name: its name on the Hugging Face Hub; empty if it is not there.
        licence: that of its dataset card, or None where we have not verified it.
        source: its address, by default that on the hub.
        statistics: the stored run with its sizes; empty if no page describes it.
        split_rule: which texts are for training, validation and testing.
    """

    name: str
    display_name: str
    hub_name: str
    licence: str | None = None
    source: str = ""
    statistics: str = ""
    split_rule: str = ""

    @property
    def url(self) -> str:
        """The address of its source."""
        return self.source or f"https://huggingface.co/datasets/{self.hub_name}"


_DOCUMENTS = "wholescript.models.documents"
_FILMS = "wholescript.models.films"
_SCREENPLAYS = "wholescript.studies.screenplays.models"
STUDIES = "wholescript.studies"
_MINILM = "minilm"

CHECKPOINTS = {
    entry.name: entry
    for entry in (
        CheckpointInfo(
            "smollm2",
            "SmolLM2-135M-Instruct",
            "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        ),
        CheckpointInfo(
            _MINILM,
            "all-MiniLM-L6-v2",
            "https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
        ),
    )
}
"""Pretrained models by their name in settings."""

MODELS = {
    entry.name: entry
    for entry in (
        # documents
        ModelInfo("TfidfSVM", "TF-IDF + linear SVM", f"{_DOCUMENTS}.tfidf_svm:TfidfSVM"),
        ModelInfo(
            "BagOfWordsLR",
            "TF-IDF + logistic regression",
            f"{_DOCUMENTS}.bag_of_words:BagOfWordsLR",
        ),
        ModelInfo("NaiveBayes", "multinomial naive Bayes", f"{_DOCUMENTS}.bag_of_words:NaiveBayes"),
        ModelInfo("NBSVM", "NB-SVM", f"{_DOCUMENTS}.bag_of_words:NBSVM"),
        ModelInfo(
            "SentenceLinear",
            "sentence embeddings + linear classifier",
            f"{_DOCUMENTS}.sentence_embeddings:SentenceLinear",
            _MINILM,
        ),
        ModelInfo(
            "SentenceKernel",
            "sentence embeddings + RBF kernel",
            f"{_DOCUMENTS}.kernel:SentenceKernel",
            _MINILM,
        ),
        ModelInfo(
            "SparseDenseEnsemble",
            "TF-IDF and sentence embeddings, ensemble",
            f"{_DOCUMENTS}.ensemble:SparseDenseEnsemble",
            _MINILM,
        ),
        ModelInfo(
            "NgramClassifier",
            "n-gram language models + Bayes' rule",
            f"{_DOCUMENTS}.ngram:NgramClassifier",
        ),
        ModelInfo(
            "InterpolatedNgramClassifier",
            "interpolated n-gram models + Bayes' rule",
            f"{_DOCUMENTS}.ngram_interpolated:InterpolatedNgramClassifier",
        ),
        ModelInfo(
            "ScratchClassifier",
            "decoder from scratch",
            f"{STUDIES}.classifiers.scratch:ScratchClassifier",
        ),
        ModelInfo(
            "FinetunedClassifier",
            "fine-tuned decoder",
            f"{STUDIES}.classifiers.finetuned:FinetunedClassifier",
        ),
        ModelInfo(
            "EncoderClassifier",
            "encoder from scratch",
            f"{STUDIES}.encoder.classifier:EncoderClassifier",
        ),
        ModelInfo(
            "ScratchGenerative",
            "class-conditional LMs from scratch",
            f"{STUDIES}.generative.class_lm:ScratchGenerative",
        ),
        ModelInfo(
            "FinetunedGenerative",
            "class-conditional LMs, fine-tuned",
            f"{STUDIES}.generative.class_lm:FinetunedGenerative",
        ),
        ModelInfo(
            "SharedTrunkGenerative",
            "class-conditional LMs on a shared trunk",
            f"{STUDIES}.generative.shared_trunk:SharedTrunkGenerative",
        ),
        ModelInfo(
            "WeightedEnsemble",
            "weighted ensemble",
            "wholescript.experiments.documents.ensemble:Ensemble",
        ),
        # screenplays
        ModelInfo("TfidfLR", "TF-IDF + logistic regression", f"{_FILMS}.tfidf:TfidfLR"),
        ModelInfo(
            "NgramKernelLR",
            "n-gram kernels + logistic regression",
            f"{_FILMS}.ngram_kernel:NgramKernelLR",
        ),
        ModelInfo(
            "NgramColumnsKernelLR",
            "n-gram kernels and film measures + logistic regression",
            f"{_FILMS}.film_columns:NgramColumnsKernelLR",
        ),
        ModelInfo(
            "FilmColumnsLR",
            "film measures + logistic regression",
            f"{_FILMS}.film_columns:FilmColumnsLR",
        ),
        ModelInfo("FilmColumnScore", "a film measure", f"{_FILMS}.film_columns:FilmColumnScore"),
        ModelInfo(
            "SelectedEstimator",
            "selected on inner folds",
            f"{_FILMS}.selection:SelectedEstimator",
        ),
        ModelInfo(
            "MeanPoolingLR",
            "mean-pooled embeddings + logistic regression",
            f"{_FILMS}.mean_embedding:MeanPoolingLR",
            _MINILM,
        ),
        ModelInfo(
            "EmbeddingLR",
            "precomputed embeddings + logistic regression",
            f"{_FILMS}.embedding:EmbeddingLR",
        ),
        ModelInfo("MetadataLR", "metadata + logistic regression", f"{_FILMS}.controls:MetadataLR"),
        ModelInfo("ShuffledLabels", "shuffled labels", f"{_FILMS}.controls:ShuffledLabels"),
        ModelInfo("StackingEnsemble", "stacking", f"{_FILMS}.stacking:StackingEnsemble"),
        ModelInfo("BoostedStacking", "boosted trees", f"{_FILMS}.boosted_stacking:BoostedStacking"),
        ModelInfo(
            "OffsetMILClassifier",
            "aggregator on the logits of a baseline",
            f"{_SCREENPLAYS}.offset:OffsetMILClassifier",
        ),
        ModelInfo("FeatureAblation", "feature ablation", f"{_FILMS}.ablation:FeatureAblation"),
        ModelInfo("ProxyLabel", "trained on a proxy label", f"{_FILMS}.proxy_label:ProxyLabel"),
        ModelInfo(
            "ImbalanceCorrectedTfidfLR",
            "TF-IDF + logistic regression, imbalance correction",
            f"{_FILMS}.imbalance:ImbalanceCorrectedTfidfLR",
        ),
        ModelInfo("LogitAdjustment", "logit adjustment", f"{_FILMS}.imbalance:LogitAdjustment"),
        ModelInfo(
            "DecoderEmbeddingEstimator",
            "SmolLM2-135M embeddings",
            f"{_FILMS}.decoder_embeddings:DecoderEmbeddingEstimator",
        ),
        ModelInfo(
            "MILClassifier",
            "multiple-instance network",
            f"{_SCREENPLAYS}.mil:MILClassifier",
            _MINILM,
        ),
        ModelInfo(
            "LongContextMILClassifier",
            "multiple-instance network, Longformer or Mamba-2",
            f"{_SCREENPLAYS}.long_context:LongContextMILClassifier",
            _MINILM,
        ),
        ModelInfo(
            "MultiTaskMILClassifier",
            "multiple-instance network, multi-task",
            f"{_SCREENPLAYS}.multitask:MultiTaskMILClassifier",
            _MINILM,
        ),
        ModelInfo(
            "ImbalanceMILClassifier",
            "multiple-instance network, imbalance correction",
            f"{_SCREENPLAYS}.imbalance:ImbalanceMILClassifier",
            _MINILM,
        ),
        ModelInfo(
            "EndToEndClassifier",
            "end-to-end network",
            f"{_SCREENPLAYS}.end_to_end:EndToEndClassifier",
        ),
        ModelInfo(
            "WarmStartClassifier",
            "end-to-end network, warm start",
            f"{_SCREENPLAYS}.warm_start:WarmStartClassifier",
        ),
    )
}
"""Model classes by the name in stored settings."""

_PUBLISHED_TEST = (
    "test as published; one tenth of train, drawn by class, for validation; duplicates, and texts "
    "of test, dropped from train"
)
_SPLIT_RULES = {
    "banking77": _PUBLISHED_TEST,
    "ag_news": f"{_PUBLISHED_TEST}; train: the 10,000 texts of NoisyAG-News, with true labels",
    "imdb": _PUBLISHED_TEST,
}

DATASETS = {
    name: DatasetInfo(
        name,
        entry.display_name,
        entry.hub_name,
        entry.licence,
        statistics=f"classifiers/{name}-statistics" if name in _SPLIT_RULES else "",
        split_rule=_SPLIT_RULES.get(name, ""),
    )
    for name, entry in LABELLED_DATASETS.items()
} | {
    entry.name: entry
    for entry in (
        DatasetInfo(
            "sentiment",
            "IMDB",
            "stanfordnlp/imdb",
            statistics="generative/statistics",
            split_rule=_PUBLISHED_TEST,
        ),
        DatasetInfo("sentiment-blocked", "IMDB, blocked hold-out", "stanfordnlp/imdb"),
        DatasetInfo("screenplays", "Movie-O-Label screenplays", "Francis2003/Movie-O-Label"),
        DatasetInfo(
            "films",
            "Screenplays of public collections, Academy Award nominations",
            "",
            "labels: BSD-2-Clause; scripts: not redistributed, only features of them",
            "https://github.com/DLu/oscar_data",
            "corpus/statistics",
            "five repeats of five folds, near duplicates in one fold; for later films: trained on "
            "films before 2010, tested on films from 2010 on",
        ),
        DatasetInfo(
            "headlines",
            "Hacker News headlines",
            "julien040/hacker-news-posts",
            "none granted",
            "https://news.ycombinator.com",
            "headlines/baseline",
            "the first nine tenths for training, the last tenth for validation; repeated "
            "headlines are kept, as in the task",
        ),
    )
}
"""Data sets by their name in runs: the labelled ones that are known by name, and the studies'."""


def find_model(name: str) -> ModelInfo:
    """Return the entry of a model by its name in stored settings.

    Raises:
        ParameterError: there is none; the message suggests similar names.
    """
    if name not in MODELS:
        raise ParameterError(f"the registry has no model {name!r}{did_you_mean(name, MODELS)}")
    return MODELS[name]


def dataset_display_name(name: str) -> str:
    """Return the display name of a data set by its name in runs; without one, the name itself."""
    return DATASETS[name].display_name if name in DATASETS else name
