"""Families of models and their colours on light and on dark pages."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.plots.style import (
    DARK_BACKGROUND,
    FAMILIES,
    OTHER,
    families_of,
    family_of,
    model_styles,
    to_dark_theme,
)

SETTINGS = {  # what is no model but a setting of one, in the registry
    "no correction", "class weights", "class-balanced weights", "oversampling", "SMOTE",
    "focal loss", "logit adjustment", "feature ablation",
    # of the headlines, all of which are one architecture from scratch
    "baseline", "baseline, two cores", "best model",
    "quick configuration, two cores",
}  # fmt: skip


def test_every_model_of_the_registry_has_a_family() -> None:
    names = set(MODEL_DISPLAY_NAMES.values()) - SETTINGS
    assert not [name for name in sorted(names) if family_of(name) is OTHER]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("TF-IDF + linear SVM", "TF-IDF and n-grams"),
        ("n-grams, surprisal, answers", "TF-IDF and n-grams"),
        ("all-MiniLM-L6-v2 + RBF kernel", "frozen embeddings"),
        ("gated attention", "frozen embeddings"),
        ("SmolLM2-135M, frozen", "frozen embeddings"),
        ("tiny decoder from scratch, token dropout", "from scratch"),
        ("encoder, MLM pretraining", "from scratch"),
        ("SmolLM2-135M, LoRA", "fine-tuned"),
        ("MiniLM, partially fine-tuned", "fine-tuned"),
        ("class-conditional SmolLM2-135M, LoRA", "language models"),
        ("Kneser-Ney n-grams + Bayes' rule", "language models"),
        ("surprisal and answers", "language models"),
        ("TF-IDF and all-MiniLM-L6-v2, linear ensemble", "ensembles"),
        ("stacking: n-grams, aggregators", "ensembles"),
        ("constant prediction", "controls"),
    ],
)
def test_family_of_a_display_name(name: str, family: str) -> None:
    assert family_of(name).name == family


def test_families_are_in_one_order() -> None:
    assert families_of(["stacking", "naive Bayes", "stacking"]) == [FAMILIES[1], FAMILIES[-1]]


def distance(one: str, other: str) -> float:
    return float(np.linalg.norm(np.subtract(to_rgb(one), to_rgb(other))))


def test_families_are_distinguishable_on_light_and_on_dark_pages() -> None:
    for one, other in itertools.combinations(FAMILIES, 2):
        assert distance(one.color, other.color) > 0.25, (one.name, other.name)
        assert distance(one.dark, other.dark) > 0.25, (one.name, other.name)
        assert one.marker != other.marker
    assert all(distance(family.dark, DARK_BACKGROUND) > 0.7 for family in FAMILIES)


def test_dark_figures_have_the_pairs_of_the_colours() -> None:
    names = ["naive Bayes", "NB-SVM", "stacking"]
    styles = model_styles(names)
    assert len({style.color for style in styles.values()}) == 3
    figure, axes = plt.subplots()
    for name in names:
        axes.plot([0, 1], label=name, **styles[name]._asdict())
    to_dark_theme(figure)
    first, second, ensemble = (line.get_color() for line in axes.lines)
    assert np.allclose(first[:3], to_rgb(family_of("naive Bayes").dark), atol=0.01)
    assert np.allclose(ensemble[:3], to_rgb(family_of("stacking").dark), atol=0.01)
    assert distance(first[:3], second[:3]) > 0.25
    plt.close(figure)
