import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wholescript.data.films.summary import COLLECTIONS
from wholescript.files import ROOT
from wholescript.studies.screenplays.plots.corpus import (
    length_histogram,
    positive_rate_by_confounder,
)


def tick_labels(years, tokens):
    films = pd.DataFrame({"year": years, "source": "local"})
    labels = np.arange(len(films)) % 2
    figure = positive_rate_by_confounder(films, np.asarray(tokens), labels.astype(np.int8))
    shown = [[tick.get_text() for tick in axes.get_yticklabels()] for axes in figure.axes]
    plt.close(figure)
    return shown


def test_fifths_of_similar_films_have_unique_names_in_order():
    years, tokens, source = tick_labels(np.arange(2000, 2020), np.arange(9_700, 10_700, 50))
    assert years == ["2000–2004", "2004–2008", "2008–2011", "2011–2015", "2015–2019"]  # noqa: RUF001
    assert tokens == ["9.7–9.9", "9.9–10.1", "10.1–10.3", "10.3–10.5", "10.5–10.7"]  # noqa: RUF001
    assert source == ["local"]


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [([10_400] * 20, ["10.4"]), ([10_400] * 19 + [12_000], ["10–12"])],  # noqa: RUF001
)
def test_films_of_one_year_and_length_are_one_group(tokens, shown):
    assert tick_labels([2000] * 20, tokens) == [["2000"], shown, ["local"]]


def test_collections_are_shown_by_their_display_names():
    sources = ["gupta-vivek"] * 10 + ["florian-rieder"] * 12 + ["byrd106", "mine"]
    films = pd.DataFrame({"year": 2000, "source": sources})
    labels = np.arange(len(films), dtype=np.int8) % 2
    figure = positive_rate_by_confounder(films, np.full(len(films), 9_000), labels)
    shown = [tick.get_text() for tick in figure.axes[2].get_yticklabels()]
    plt.close(figure)
    assert shown == ["2 others", "Gupta", "Rieder"]


def test_each_bundled_collection_has_a_display_name():
    films = ROOT / "data" / "screenplays" / "films.parquet"
    assert set(pd.read_parquet(films, columns=["source"])["source"]) == set(COLLECTIONS)


def test_all_lengths_are_drawn_even_if_shorter_than_any_context():
    for tokens in ([3, 5, 9], [600, 20_000], [9, 30_000]):
        figure = length_histogram(np.array(tokens), contexts=(512, 4_096))
        assert sum(bar.get_height() for bar in figure.axes[0].patches) == len(tokens)
        plt.close(figure)
