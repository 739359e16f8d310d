import pytest

from wholescript.publish.quantity_names import quantity_name

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("evaluation/tfidf-logistic:auc", "AUROC: TF-IDF + logistic regression"),
        (
            "evaluation/unigrams-temporal - evaluation/ngrams-temporal:auc",
            f"AUROC: unigrams, later films {MINUS} n-grams (1 to 3), later films",
        ),
        (
            "interpretation/tfidf-logistic-without-opening - evaluation/tfidf-logistic:ece",
            "expected calibration error: TF-IDF + logistic regression without opening "
            f"{MINUS} TF-IDF + logistic regression",
        ),
        (
            "classifiers/ag_news-50-ratios:smollm2-lora_over_tfidf-svm",
            "Ratio (AG News 50): SmolLM2-135M, LoRA / TF-IDF + linear SVM",
        ),
        ("encoder/ratios:encoder_over_nb-svm", "Ratio: encoder from scratch / NB-SVM"),
        (
            "interpretation/strata:tfidf-logistic-by-decade:auc_change",
            "AUROC change: strata, TF-IDF + logistic regression by decade",
        ),
        ("memory/gradient-error:grad_cache", "gradient caching: gradient error"),
    ],
)
def test_names_are_those_of_models_and_metrics(reference: str, name: str) -> None:
    assert quantity_name(reference) == name
