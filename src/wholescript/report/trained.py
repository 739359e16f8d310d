"""Trained classifiers of texts, read back from the folder where their training left them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from wholescript.errors import RunError
from wholescript.features.sentences import SentenceSettings
from wholescript.models.text_counts import NBSVM, CountLogistic, NaiveBayes
from wholescript.models.text_kernel import SentenceKernel
from wholescript.models.text_linear import SentenceLinear, TfidfSVM
from wholescript.models.text_model import ShallowTextModel
from wholescript.models.text_ngram import NgramBayes
from wholescript.models.text_stack import SparseDenseStack
from wholescript.report.live_runs import training_folder
from wholescript.report.project import Project
from wholescript.report.runs import Run
from wholescript.report.text_runs import TextEstimator
from wholescript.training.encoder import EncoderClassifier
from wholescript.training.finetune import FinetunedClassifier
from wholescript.training.generative import FinetunedGenerative, ScratchGenerative
from wholescript.training.loop import TrainingSettings
from wholescript.training.scratch import ScratchClassifier

KINDS: dict[str, type[TextEstimator]] = {
    kind.__name__: kind
    for kind in (
        TfidfSVM, SentenceLinear, SentenceKernel, SparseDenseStack, NaiveBayes, CountLogistic,
        NBSVM, NgramBayes, ScratchClassifier, FinetunedClassifier, EncoderClassifier,
        ScratchGenerative, FinetunedGenerative,
    )
}  # fmt: skip
SETTINGS = {"training": TrainingSettings, "reading": TrainingSettings, "settings": SentenceSettings}


def load_trained_run(project: Project, run: Run) -> Any:
    """Return what a run trained, to be asked of other texts.

    Raises:
        RunError: the run was made by joining others, or its weights are not here.
        DataError: the weights are damaged.
    """
    config = run.config["estimator"]
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


def word_evidence(fitted: Any, text: str) -> pd.DataFrame:
    """Return a row a word of a text: `word`, and `evidence`, in nats, for the likeliest class.

    It is the log of how much likelier the word is, after those before it, under that class than
    under the runner-up; the last row is of the end of the text. They add up to the log-likelihood
    ratio of the text.

    Raises:
        RunError: it is not a language model of each class.
    """
    if not hasattr(fitted, "by_word"):
        raise RunError("only a model of the language of each class weighs single words")
    words, logs = fitted.by_word(text)
    first, second = _two_best(fitted.predict_proba([text])[0])
    evidence = logs[:, first].astype(np.float64) - logs[:, second]
    return pd.DataFrame({"word": [*words, ""], "evidence": evidence})


def _two_best(probabilities: NDArray[np.float32]) -> tuple[int, int]:
    order = np.argsort(-probabilities, kind="stable")
    return int(order[0]), int(order[1])
