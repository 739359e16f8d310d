"""Families of models and their colours on light and on dark pages."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import rgb_to_hsv, to_rgb

from wholescript.experiments.display_names import MODEL_DISPLAY_NAMES
from wholescript.plots.labels import label_lines, label_points
from wholescript.plots.style import (
    DARK_BACKGROUND,
    FAMILIES,
    OTHER,
    contrast,
    families_of,
    family_of,
    model_styles,
    to_dark_theme,
)

SETTINGS = {  # what is no model but a setting of one, in the registry
    "uncorrected", "class weights", "class-balanced weights", "oversampling", "SMOTE",
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
        ("tiny transformer from scratch, token dropout", "from scratch"),
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


def test_models_of_one_family_have_its_colour_and_their_own_dashes() -> None:
    styles = model_styles(["naive Bayes", "stacking", "NB-SVM"])
    assert styles["naive Bayes"].color == styles["NB-SVM"].color == family_of("NB-SVM").color
    assert styles["naive Bayes"].linestyle != styles["NB-SVM"].linestyle
    assert model_styles(["NB-SVM"])["NB-SVM"].color == styles["NB-SVM"].color


@pytest.mark.parametrize(
    "color", [*(family.color for family in (*FAMILIES, OTHER)), "#0000ff", "#67c5ab", "#949494"]
)
def test_names_in_the_colour_of_a_line_are_readable_on_light_and_on_dark_pages(color: str) -> None:
    figure, axes = plt.subplots()
    lines = axes.plot([0, 1], color=color, label="a model")
    label_lines(axes, lines)
    label_points(axes, ["a point"], [0.5], [(0.5, 0.4, 0.6)], [color])
    for background in ("white", DARK_BACKGROUND):
        for text in axes.texts:
            assert contrast(text.get_color(), background) >= 4.5
            hues = [rgb_to_hsv(to_rgb(artist.get_color())) for artist in (text, lines[0])]
            assert hues[0][1] < 0.1 or hues[0][0] == pytest.approx(hues[1][0], abs=0.02)
        to_dark_theme(figure)
    plt.close(figure)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.01)


def test_dark_figures_have_the_pairs_of_the_colours() -> None:
    names = ["naive Bayes", "NB-SVM", "stacking"]
    styles = model_styles(names)
    figure, axes = plt.subplots()
    for name in names:
        axes.plot([0, 1], label=name, **styles[name]._asdict())
    to_dark_theme(figure)
    first, second, ensemble = (line.get_color() for line in axes.lines)
    assert np.allclose(first[:3], to_rgb(family_of("naive Bayes").dark), atol=0.01)
    assert np.allclose(ensemble[:3], to_rgb(family_of("stacking").dark), atol=0.01)
    assert np.allclose(first, second)
    plt.close(figure)
