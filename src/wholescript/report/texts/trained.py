"""Trained classifiers of texts, read back from the folder where their training left them."""

from collections.abc import Mapping
from typing import Any

from scipy.stats import spearmanr

from wholescript.errors import RunError
from wholescript.evaluation.word_worth import word_evidence
from wholescript.features.sentences import SentenceSettings
from wholescript.models.text_counts import NBSVM, CountLogistic, NaiveBayes
from wholescript.models.text_kernel import SentenceKernel
from wholescript.models.text_linear import SentenceLinear, TfidfSVM
from wholescript.models.text_model import ShallowTextModel
from wholescript.models.text_ngram import NgramBayes
from wholescript.models.text_ngram_mixed import MixedNgrams
from wholescript.models.text_stack import SparseDenseStack
from wholescript.report.live_runs import training_folder
from wholescript.report.project import Project
from wholescript.report.provenance.fingerprint import hash_json
from wholescript.report.results import Metric
from wholescript.report.runs import Run, RunStore
from wholescript.report.texts.training import TextEstimator
from wholescript.training.encoder import EncoderClassifier
from wholescript.training.finetune import FinetunedClassifier
from wholescript.training.forked_generative import ForkedGenerative
from wholescript.training.generative import FinetunedGenerative, ScratchGenerative
from wholescript.training.loop import TrainingSettings
from wholescript.training.scratch import ScratchClassifier

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


def keep_word_evidence(store: RunStore, run: Run, fitted: Any, text: str) -> Run:
    """Store what each word of a text is worth to a run, as `<run>-words`, for a notebook.

    `fitted` is what `load_trained_run` returns of the run.

    Raises:
        ParameterError: it cannot weigh words.
    """
    table = word_evidence(fitted, text)
    probabilities = fitted.predict_proba([text])[0]
    said = int(probabilities.argmax())
    metrics = {
        "probability": Metric(float(probabilities[said]), tolerance=0.01),
        "evidence": Metric(float(table["evidence"].sum()), tolerance=0.05),
    }
    if "attention" in table:
        agreement = spearmanr(table["attention"], table["evidence"].abs()).statistic
        metrics["agreement"] = Metric(float(agreement), tolerance=0.02)
    config = {"of": run.key, "text": text, "said": run.config["classes"][said]}
    made = {
        "key": hash_json(config),
        "textset": run.config["textset"],
        "scale": run.config["scale"],
    }
    return store.save(f"{run.name}-words", {**config, **made}, metrics, history=table)
