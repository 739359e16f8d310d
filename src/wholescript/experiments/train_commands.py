"""The models of labelled documents that `wholescript train` trains, by the name of their command.

Importing it loads no model code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wholescript.experiments.registry import STUDIES, find_model, load_class


@dataclass(frozen=True)
class TrainCommand:
    """A command `wholescript train NAME` whose options are the fields of a model of documents.

    `help` completes "Train ...". `settings` is the path of a class with the same fields that is
    quick to import, by default the model itself. `fixed` fields have no option, nor have those
    named in `without`. A run is named after the command where fields are fixed.
    """

    name: str
    model: str
    help: str
    settings: str = ""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    example: str = ""

    def load_settings(self) -> Any:
        """Import the class whose fields are the options."""
        return load_class(self.settings) if self.settings else find_model(self.model).load()


TRAIN_COMMANDS = {
    entry.name: entry
    for entry in (
        TrainCommand("tfidf-svm", "TfidfSVM", "a linear SVM on TF-IDF of words and characters"),
        TrainCommand("tfidf-logistic", "BagOfWordsLR", "logistic regression on TF-IDF of words"),
        TrainCommand("naive-bayes", "NaiveBayes", "multinomial naive Bayes on word n-grams"),
        TrainCommand("nb-svm", "NBSVM", "an SVM on word n-grams weighted by naive Bayes"),
        TrainCommand(
            "sentence-linear", "SentenceLinear", "a linear classifier on frozen sentence embeddings"
        ),
        TrainCommand(
            "sentence-kernel",
            "SentenceKernel",
            "an RBF kernel on frozen sentence embeddings",
            without=("refit",),
        ),
        TrainCommand(
            "linear-ensemble",
            "SparseDenseEnsemble",
            "TF-IDF and sentence embeddings, combined by linear models",
            fixed={"kernel": None},
            without=("refit",),
        ),
        TrainCommand(
            "sparse-dense-ensemble",
            "SparseDenseEnsemble",
            "TF-IDF and sentence embeddings, combined; with an RBF kernel",
            without=("refit",),
        ),
        TrainCommand(
            "ngram",
            "NgramClassifier",
            "Kneser-Ney n-grams per class, by Bayes' rule",
            without=("refit",),
        ),
        TrainCommand(
            "ngram-interpolated",
            "InterpolatedNgramClassifier",
            "n-grams per class, interpolated with a background model of all texts, unlabelled "
            "ones included, and a cache model",
            without=("refit",),
        ),
        TrainCommand(
            "scratch",
            "ScratchClassifier",
            "a small decoder-only transformer from scratch; resumable",
            f"{STUDIES}.classifiers.settings:ScratchSettings",
            example="--size tiny --epochs 3",
        ),
        TrainCommand(
            "finetune",
            "FinetunedClassifier",
            "fine-tune a pretrained decoder-only transformer; resumable",
            f"{STUDIES}.classifiers.settings:FinetunedSettings",
            example="--tuning full --learning-rate 5e-5",
        ),
        TrainCommand(
            "encoder",
            "EncoderClassifier",
            "a word-level encoder-only transformer from scratch; resumable",
            f"{STUDIES}.encoder.settings:EncoderSettings",
            example="--pretrain-epochs 2",
        ),
        TrainCommand(
            "class-lm",
            "ScratchGenerative",
            "one small language model per class from scratch, by Bayes' rule; resumable",
            f"{STUDIES}.generative.settings:ScratchGenerativeSettings",
            example="--size tiny --epochs 6",
        ),
        TrainCommand(
            "class-lm-finetune",
            "FinetunedGenerative",
            "one fine-tuned language model per class, by Bayes' rule; resumable",
            f"{STUDIES}.generative.settings:FinetunedGenerativeSettings",
            example="--tuning lora --epochs 1",
        ),
        TrainCommand(
            "shared-trunk",
            "SharedTrunkGenerative",
            "class-conditional language models on a shared trunk, trained discriminatively; "
            "resumable",
            f"{STUDIES}.generative.settings:SharedTrunkSettings",
            without=("prompts",),
            example="--n-shared-layers 20",
        ),
    )
}
"""Models of labelled documents that `wholescript train` trains, by the name of their command."""
