"""The registry: classes of models and data sets by their stored names.

Importing it loads no model code: classes are named by their path and imported by `ModelInfo.load`.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from wholescript.data.datasets import BUNDLED
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
        licence: what its source states of the use of the data.
        source: its address, by default that on the hub.
        statistics: the stored run with its sizes; empty if no page describes it.
        split_rule: which texts are for training, validation and testing.
        in_repository: what of it the repository has.
    """

    name: str
    display_name: str
    hub_name: str
    licence: str = ""
    source: str = ""
    statistics: str = ""
    split_rule: str = ""
    in_repository: str = ""

    @property
    def url(self) -> str:
        """The address of its source."""
        return self.source or f"https://huggingface.co/datasets/{self.hub_name}"


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

CLASSES = {
    "wholescript.models.documents": {
        "tfidf_svm:TfidfSVM": "TF-IDF + linear SVM",
        "bag_of_words:BagOfWordsLR": "TF-IDF + logistic regression",
        "bag_of_words:NaiveBayes": "multinomial naive Bayes",
        "bag_of_words:NBSVM": "NB-SVM",
        "sentence_embeddings:SentenceLinear": "sentence embeddings + linear classifier",
        "kernel:SentenceKernel": "sentence embeddings + RBF kernel",
        "ensemble:SparseDenseEnsemble": "TF-IDF and sentence embeddings, ensemble",
        "ngram:NgramClassifier": "n-gram language models + Bayes' rule",
        "ngram_interpolated:InterpolatedNgramClassifier": (
            "interpolated n-gram models + Bayes' rule"
        ),
    },
    STUDIES: {
        "classifiers.scratch:ScratchClassifier": "transformer from scratch",
        "classifiers.finetuned:FinetunedClassifier": "fine-tuned decoder",
        "encoder.classifier:EncoderClassifier": "encoder from scratch",
        "generative.class_lm:ScratchGenerative": "class-conditional LMs from scratch",
        "generative.class_lm:FinetunedGenerative": "class-conditional LMs, fine-tuned",
        "generative.shared_trunk:SharedTrunkGenerative": "class-conditional LMs on a shared trunk",
    },
    "wholescript.models.films": {
        "tfidf:TfidfLR": "TF-IDF + logistic regression",
        "ngram_kernel:NgramKernelLR": "n-gram kernels + logistic regression",
        "film_columns:NgramColumnsKernelLR": (
            "n-gram kernels and film measures + logistic regression"
        ),
        "film_columns:FilmColumnsLR": "film measures + logistic regression",
        "film_columns:FilmColumnScore": "a film measure",
        "selection:SelectedEstimator": "selected on inner folds",
        "mean_embedding:MeanPoolingLR": "mean-pooled embeddings + logistic regression",
        "embedding:EmbeddingLR": "precomputed embeddings + logistic regression",
        "controls:MetadataLR": "metadata + logistic regression",
        "controls:ShuffledLabels": "shuffled labels",
        "stacking:StackingEnsemble": "stacking",
        "boosted_stacking:BoostedStacking": "boosted trees",
        "ablation:FeatureAblation": "feature ablation",
        "proxy_label:ProxyLabel": "trained on a proxy label",
        "imbalance:ImbalanceCorrectedTfidfLR": "TF-IDF + logistic regression, imbalance correction",
        "imbalance:LogitAdjustment": "logit adjustment",
        "decoder_embeddings:DecoderEmbeddingEstimator": "SmolLM2-135M embeddings",
    },
    "wholescript.studies.screenplays.models": {
        "offset:OffsetMILClassifier": "aggregator on the logits of a baseline",
        "mil:MILClassifier": "multiple-instance network",
        "long_context:LongContextMILClassifier": "multiple-instance network, Longformer or Mamba-2",
        "multitask:MultiTaskMILClassifier": "multiple-instance network, multi-task",
        "imbalance:ImbalanceMILClassifier": "multiple-instance network, imbalance correction",
        "end_to_end:EndToEndClassifier": "end-to-end network",
        "warm_start:WarmStartClassifier": "end-to-end network, warm start",
    },
}
"""Display names of the classes, by package, module and class."""

ON_MINILM = {
    *("SentenceLinear", "SentenceKernel", "SparseDenseEnsemble", "MeanPoolingLR", "MILClassifier"),
    *("LongContextMILClassifier", "MultiTaskMILClassifier", "ImbalanceMILClassifier"),
    "OffsetMILClassifier",
}
"""The classes that take the embeddings of MiniLM."""

_ENSEMBLE = "wholescript.experiments.documents.ensemble:Ensemble"
MODELS = {"WeightedEnsemble": ModelInfo("WeightedEnsemble", "weighted ensemble", _ENSEMBLE)} | {
    name: ModelInfo(
        name, display_name, f"{package}.{module}:{name}", _MINILM if name in ON_MINILM else ""
    )
    for package, classes in CLASSES.items()
    for path, display_name in classes.items()
    for module, name in [path.split(":")]
}
"""Model classes by the name in stored settings."""

_PUBLISHED_TEST = (
    "test as published; one tenth of train, drawn by class, for validation; duplicates, and texts "
    "of test, dropped from train"
)
_NO_TEXTS = "metrics and predictions, no texts"
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
        in_repository="texts" if name in BUNDLED else _NO_TEXTS,
    )
    for name, entry in LABELLED_DATASETS.items()
} | {
    entry.name: entry
    for entry in (
        DatasetInfo(
            "sentiment",
            "IMDB",
            "stanfordnlp/imdb",
            LABELLED_DATASETS["imdb"].licence,
            statistics="generative/statistics",
            split_rule=_PUBLISHED_TEST,
            in_repository=_NO_TEXTS,
        ),
        DatasetInfo("sentiment-blocked", "IMDB, blocked hold-out", "stanfordnlp/imdb"),
        DatasetInfo("screenplays", "Movie-O-Label screenplays", "Francis2003/Movie-O-Label"),
        DatasetInfo(
            "films",
            "Screenplays of public collections, Academy Award nominations",
            "",
            "labels: BSD-2-Clause; scripts: copyright of writers and studios",
            "https://github.com/DLu/oscar_data",
            "corpus/statistics",
            "five repeats of five folds, near duplicates in one fold; for later films: trained on "
            "films before 2010, tested on films from 2010 on",
            "labels and features of the scripts, no texts",
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
            "titles",
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
