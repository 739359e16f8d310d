"""Trained classifiers of texts, read back from the folder where their training left them."""

from collections.abc import Mapping
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.documents.train import DocumentEstimator
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import checkpoint_dir
from wholescript.features.sentence_embeddings import SentenceEmbeddingConfig
from wholescript.models.documents.base import SklearnClassifier
from wholescript.models.documents.counts import NBSVM, BagOfWordsLR, NaiveBayes
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.linear import SentenceLinear, TfidfSVM
from wholescript.models.documents.ngram import NgramClassifier
from wholescript.models.documents.ngram_interpolated import InterpolatedNgramClassifier
from wholescript.models.documents.stacking import SparseDenseEnsemble
from wholescript.project import Project
from wholescript.studies.classifiers.finetuned import FinetunedClassifier
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.studies.encoder.classifier import EncoderClassifier
from wholescript.studies.generative.class_lm import FinetunedGenerative, ScratchGenerative
from wholescript.studies.generative.shared_trunk import SharedTrunkGenerative
from wholescript.training.loop import TrainConfig

ESTIMATORS: dict[str, type[DocumentEstimator]] = {
    kind.__name__: kind
    for kind in (
        TfidfSVM, SentenceLinear, SentenceKernel, SparseDenseEnsemble, NaiveBayes, BagOfWordsLR,
        NBSVM, NgramClassifier, InterpolatedNgramClassifier, ScratchClassifier, FinetunedClassifier, EncoderClassifier,
        ScratchGenerative, FinetunedGenerative, SharedTrunkGenerative,
    )
}  # fmt: skip
CONFIG_CLASSES = {
    "training": TrainConfig,
    "reading": TrainConfig,
    "settings": SentenceEmbeddingConfig,
}


def load_trained_run(project: Project, run: Run) -> Any:
    """Return what a run trained, to be asked of other texts.

    Raises:
        RunError: the run was made by joining others, or its weights are not here.
        DataError: the weights are damaged.
    """
    config = run.settings["estimator"]
    if config["model"] not in ESTIMATORS:
        raise RunError(f"{run.name} is a {config['model']}, which has no weights of its own")
    estimator = make_estimator(config)
    folder = checkpoint_dir(project, run.key)
    if not folder.is_dir():
        raise RunError(
            f"the weights of {run.name} are not here: a training leaves them in _build, and this "
            "one was done elsewhere, or _build was deleted; train it again"
        )
    if isinstance(estimator, SklearnClassifier):
        return estimator.load(folder)
    return estimator.load(folder, len(run.config["classes"]))


def make_estimator(config: Mapping[str, Any]) -> DocumentEstimator:
    """Return the untrained estimator that a stored configuration describes."""
    fields = {name: _parse_value(name, value) for name, value in config.items() if name != "model"}
    return ESTIMATORS[config["model"]](**fields)


def _parse_value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return make_estimator(value) if "model" in value else CONFIG_CLASSES[name](**value)
    if name == "unlabelled":  # how many there were; what was learned from them is in the weights
        return ()
    return tuple(value) if isinstance(value, list) else value
