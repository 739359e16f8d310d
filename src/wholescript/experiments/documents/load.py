"""Trained classifiers of texts, read back from the folder where their training left them."""

from collections.abc import Mapping
from typing import Any

from wholescript.errors import RunError
from wholescript.experiments.documents.train import TextEstimator
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import training_folder
from wholescript.features.sentence_embeddings import SentenceSettings
from wholescript.models.documents.base import ShallowTextModel
from wholescript.models.documents.counts import NBSVM, CountLogistic, NaiveBayes
from wholescript.models.documents.kernel import SentenceKernel
from wholescript.models.documents.linear import SentenceLinear, TfidfSVM
from wholescript.models.documents.ngram import NgramBayes
from wholescript.models.documents.ngram_interpolated import MixedNgrams
from wholescript.models.documents.stacking import SparseDenseStack
from wholescript.project import Project
from wholescript.studies.classifiers.finetuned import FinetunedClassifier
from wholescript.studies.classifiers.scratch import ScratchClassifier
from wholescript.studies.encoder.classifier import EncoderClassifier
from wholescript.studies.generative.class_lm import FinetunedGenerative, ScratchGenerative
from wholescript.studies.generative.shared_trunk import ForkedGenerative
from wholescript.training.loop import TrainingSettings

KINDS: dict[str, type[TextEstimator]] = {
    kind.__name__: kind
    for kind in (
        TfidfSVM, SentenceLinear, SentenceKernel, SparseDenseStack, NaiveBayes, CountLogistic,
        NBSVM, NgramBayes, MixedNgrams, ScratchClassifier, FinetunedClassifier, EncoderClassifier,
        ScratchGenerative, FinetunedGenerative, ForkedGenerative,
    )
}  # fmt: skip
SETTINGS = {"training": TrainingSettings, "reading": TrainingSettings, "settings": SentenceSettings}


def load_trained_run(project: Project, run: Run) -> Any:
    """Return what a run trained, to be asked of other texts.

    Raises:
        RunError: the run was made by joining others, or its weights are not here.
        DataError: the weights are damaged.
    """
    config = run.settings["estimator"]
    if config["model"] not in KINDS:
        raise RunError(f"{run.name} is a {config['model']}, which has no weights of its own")
    estimator = estimator_of(config)
    folder = training_folder(project, run.key)
    if not folder.is_dir():
        raise RunError(
            f"the weights of {run.name} are not here: a training leaves them in _build, and this "
            "one was done elsewhere, or _build was deleted; train it again"
        )
    if isinstance(estimator, ShallowTextModel):
        return estimator.load(folder)
    return estimator.load(folder, len(run.config["classes"]))


def estimator_of(config: Mapping[str, Any]) -> TextEstimator:
    """Return the untrained estimator that a stored configuration describes."""
    fields = {name: _value(name, value) for name, value in config.items() if name != "model"}
    return KINDS[config["model"]](**fields)


def _value(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return estimator_of(value) if "model" in value else SETTINGS[name](**value)
    if name == "unlabelled":  # how many there were; what was learned from them is in the weights
        return ()
    return tuple(value) if isinstance(value, list) else value
