import re
from pathlib import Path

import pytest

from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.publish.claims import evaluate_claims
from wholescript.publish.quantity_names import MINUS, quantity_name

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("evaluation/tfidf-logistic:auc", "AUROC: TF-IDF + logistic regression"),
        (
            "evaluation/unigrams-temporal - evaluation/ngrams-temporal:auc",
            f"AUROC: unigrams, later films {MINUS} n-grams (1 to 3), later films",
        ),
        (
            "evaluation/ngrams-more-films-temporal - evaluation/ngrams-temporal:auc",
            f"AUROC: n-grams (1 to 3), more training films, later films {MINUS} "
            "n-grams (1 to 3), later films",
        ),
        (
            "evaluation/window-25 - evaluation/window-0:auc",
            f"AUROC: mean pooling of four chunks at 25% of the script {MINUS} "
            "mean pooling of the first four chunks",
        ),
        (
            "interpretation/tfidf-logistic-without-opening - evaluation/tfidf-logistic:ece",
            "expected calibration error: TF-IDF + logistic regression without opening "
            f"{MINUS} TF-IDF + logistic regression",
        ),
        (
            "classifiers/ag_news-50-ratios:smollm2-lora_over_tfidf-svm",
            "error-rate ratio on AG News, 50 training texts: "
            "SmolLM2-135M, LoRA / TF-IDF + linear SVM",
        ),
        (
            "generative/blocked-over-nb-svm:ngram-bayes_over_nb-svm",
            "error-rate ratio on IMDB, blocked hold-out: Kneser-Ney n-grams + Bayes' rule / NB-SVM",
        ),
        (
            "generative/1000-over-tfidf-logistic:nb-svm_over_tfidf-logistic",
            "error-rate ratio on IMDB, 1,000 training texts: NB-SVM / TF-IDF + logistic regression",
        ),
        (
            "encoder/ratios:encoder_over_nb-svm",
            "error-rate ratio on IMDB: encoder from scratch / NB-SVM",
        ),
        (
            "interpretation/strata:tfidf-logistic-by-decade:auc_change",
            "change of AUROC if only films of one decade are compared: "
            "TF-IDF + logistic regression",
        ),
        ("memory/gradient-error:grad_cache", "relative error of the gradient: gradient caching"),
        (
            "headlines/ablation-no-dropout:bits_per_byte_change",
            "change in bits per byte, small configuration: no dropout",
        ),
    ],
)
def test_names_are_those_of_models_and_metrics(reference: str, name: str) -> None:
    assert quantity_name(reference) == name


def test_no_quantity_of_a_claim_is_named_by_a_raw_name() -> None:
    references = {
        reference
        for claim in evaluate_claims(REPOSITORY).values()
        for reference in claim.quantities
    }
    assert len(references) > 100
    raw = {
        reference: quantity_name(reference)
        for reference in sorted(references)
        if any(name in quantity_name(reference) for name in _raw_names(reference))
    }
    assert raw == {}


def _raw_names(reference: str) -> list[str]:
    """Return the names of runs and models in a reference, with spaces for hyphens.

    Single words, and what is displayed as it is stored, are left out.
    """
    runs, _, metric = reference.rpartition(":")
    parts = [*re.split(" - |:", runs), *(metric.split("_over_") if "_over_" in metric else [])]
    names = {part.partition("/")[2] or part for part in parts}
    names = {name.removesuffix("-temporal") for name in names} - MODEL_DISPLAY_NAMES.keys()
    return ["_", *(name.replace("-", " ") for name in names if "-" in name)]
