import math

import numpy as np
import pytest

from tests.prediction.screenplays import COMMON, TELLING, fountain_of
from wholescript.prediction.reading import N_PARTS, predict
from wholescript.prediction.scripts import Script, read_script


def log_odds(probability):
    return math.log(probability / (1 - probability))


def test_each_format_gets_the_same_probability(in_each_format, predictor):
    found = [predict(read_script(p), predictor).probability for p in in_each_format.values()]
    assert len(found) == 4
    assert max(found) - min(found) < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_parts_add_up_to_the_answer(predictor, seed):
    said = predict(Script(fountain_of(2_000 + seed, seed == 0)), predictor)
    assert len(said.parts) == N_PARTS
    whole = log_odds(said.average) + sum(part.adds for part in said.parts)
    assert log_odds(said.probability) == pytest.approx(whole, abs=1e-5)


def test_positive_scripts_are_told_from_others(predictor):
    positive = [predict(Script(fountain_of(3_000 + i, True)), predictor) for i in range(5)]
    negative = [predict(Script(fountain_of(4_000 + i, False)), predictor) for i in range(5)]
    assert min(p.probability for p in positive) > max(n.probability for n in negative)
    assert {word for word, _ in positive[0].words[:3]} == set(TELLING)
    assert all(p.low < p.probability < p.high for p in positive + negative)
    assert positive[0].base_rate == pytest.approx(1 / 3)


def test_the_part_that_tells_is_found(predictor):
    rng = np.random.default_rng(0)
    words = rng.choice(COMMON, 2_000)
    words[1_000:1_100] = rng.choice(TELLING, 100)
    adds = [part.adds for part in predict(Script(" ".join(words)), predictor).parts]
    assert int(np.argmax(adds)) == 10
    assert sorted(adds)[-1] > 5 * abs(sorted(adds)[-2])


def test_a_script_like_the_others_gets_no_warning(predictor):
    assert predict(Script(fountain_of(5_000, False)), predictor, year=1990).warnings == ()


@pytest.mark.parametrize(
    ("change", "year", "warning"),
    [
        (lambda text: 9 * text, None, "its length"),
        (lambda text: text, 1895, "its era: 1895, where films learnt from are of 1961 to 2018"),
        (lambda text: text.replace("INT.", "DOOR"), None, "its format: no sluglines"),
        (lambda text: text.replace("MARY", "").replace("JOHN", ""), None, "hardly any line names"),
        (lambda text: text.translate({ord("e"): "ö", ord("a"): "ü"}), None, "another language"),
    ],
    ids=["length", "era", "sluglines", "cues", "language"],
)
def test_a_script_unlike_the_others_is_said_to_be(predictor, change, year, warning):
    said = predict(Script(change(fountain_of(5_000, False))), predictor, year=year)
    assert len(said.warnings) == 1
    assert warning in said.warnings[0]


def test_a_film_learnt_from_is_recognised_in_another_draft(predictor, texts):
    again = texts[7].replace("INT. HOUSE", "EXT. DOOR", 9)
    warning, *_ = predict(Script(again), predictor).warnings
    assert warning.startswith("it was learnt from, or another draft was")


def test_what_was_repaired_is_said(predictor):
    script = Script(fountain_of(5_000, False), notes=("its HTML tags were removed",))
    assert predict(script, predictor).warnings == ("its HTML tags were removed",)


def test_a_script_of_unknown_words_alone_gets_an_answer(predictor):
    said = predict(Script("qqq " * 1_500), predictor)
    assert said.words == ()
    assert 0 < said.low <= said.probability <= said.high < 1
