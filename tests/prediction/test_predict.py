import math
from collections import Counter
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.prediction.screenplays import COMMON, PREDICTIVE, fountain_of
from wholescript.features.word_counts import tokenize_words
from wholescript.prediction.parsers import Script, parse_script, read_script
from wholescript.prediction.predict import N_PARTS, TOP_WORDS, predict


def log_odds(probability):
    return math.log(probability / (1 - probability))


def test_all_formats_get_the_same_probability(in_each_format, predictor):
    values = [predict(read_script(p), predictor).probability for p in in_each_format.values()]
    assert len(values) == 4
    assert max(values) - min(values) < 0.01


@pytest.mark.parametrize("seed", range(3))
def test_contributions_of_parts_sum_to_the_log_odds(predictor, seed):
    prediction = predict(Script(fountain_of(2_000 + seed, seed == 0)), predictor)
    assert len(prediction.parts) == N_PARTS
    mean = log_odds(prediction.mean_script_probability)
    total = mean + sum(part.contribution for part in prediction.parts)
    assert log_odds(prediction.probability) == pytest.approx(total, abs=1e-5)


def test_positive_scripts_have_higher_probabilities(predictor):
    positive = [predict(Script(fountain_of(3_000 + i, True)), predictor) for i in range(5)]
    negative = [predict(Script(fountain_of(4_000 + i, False)), predictor) for i in range(5)]
    assert min(p.probability for p in positive) > max(n.probability for n in negative)
    assert {word.word for word in positive[0].words[:3]} == set(PREDICTIVE)
    assert all(p.low < p.probability < p.high for p in positive + negative)
    assert positive[0].base_rate == pytest.approx(1 / 3)


def test_part_with_predictive_words_has_the_largest_contribution(predictor):
    rng = np.random.default_rng(0)
    words = rng.choice(COMMON, 2_000)
    words[1_000:1_100] = rng.choice(PREDICTIVE, 100)
    parts = predict(Script(" ".join(words)), predictor).parts
    contributions = [part.contribution for part in parts]
    assert int(np.argmax(contributions)) == 10
    assert sorted(contributions)[-1] > 5 * abs(sorted(contributions)[-2])


def test_interval_is_symmetric_around_the_log_odds(predictor):
    prediction = predict(Script(fountain_of(5_000, True)), predictor)
    centre = (log_odds(prediction.low) + log_odds(prediction.high)) / 2
    assert centre == pytest.approx(log_odds(prediction.probability), abs=1e-9)


def test_words_have_their_counts_contributions_and_standard_errors(predictor):
    text = fountain_of(3_000, True)
    counts = Counter(tokenize_words(text))
    row = predictor.tfidf(np.array([counts[word] for word in predictor.vocabulary]))
    difference = row - predictor.mean_tfidf
    refits = predictor.bootstrap_codes * predictor.code_scales[:, None].astype(float)
    words = predict(Script(text), predictor).words
    ranked = sorted((difference * predictor.weights)[row > 0], reverse=True)
    expected = ranked[:TOP_WORDS] + ranked[-TOP_WORDS:]
    assert [word.contribution for word in words] == pytest.approx(expected)
    for word in words:
        k = predictor.word_ids[word.word]
        assert word.count == counts[word.word]
        assert word.contribution == pytest.approx(difference[k] * predictor.weights[k])
        assert word.std_error == pytest.approx(abs(difference[k]) * refits[:, k].std(ddof=1))


def test_script_within_the_training_ranges_gets_no_warning(predictor):
    assert predict(Script(fountain_of(5_000, False)), predictor, year=1990).warnings == ()


@pytest.mark.parametrize(
    ("change", "year", "warning"),
    [
        (lambda text: 9 * text, None, "length: "),
        (lambda text: text, 1895, "year: 1895; 98% of the training films are from 1961 to 2018"),
        (lambda text: text.replace("INT.", "DOOR"), None, "format: no scene headings"),
        (
            lambda text: text.replace("MARY", "").replace("JOHN", ""),
            None,
            "almost no character cues",
        ),
        (lambda text: text.translate({ord("e"): "ö", ord("a"): "ü"}), None, "another language"),
    ],
    ids=["length", "year", "scene headings", "cues", "language"],
)
def test_script_outside_of_the_training_ranges_gets_a_warning(predictor, change, year, warning):
    warnings = predict(Script(change(fountain_of(5_000, False))), predictor, year=year).warnings
    assert len(warnings) == 1
    assert warning in warnings[0]


def test_draft_of_a_training_script_is_recognised(predictor, texts):
    draft = texts[7].replace("INT. HOUSE", "EXT. DOOR", 9)
    warning, *_ = predict(Script(draft), predictor).warnings
    assert warning.startswith("the script or another draft of it is in the training data")


def test_repairs_are_warnings(predictor):
    script = Script(fountain_of(5_000, False), repairs=("HTML tags were removed",))
    assert predict(script, predictor).warnings == ("HTML tags were removed",)


def test_script_without_known_words_gets_a_prediction(predictor):
    prediction = predict(Script("qqq " * 1_500), predictor)
    assert prediction.words == ()
    assert 0 < prediction.low <= prediction.probability <= prediction.high < 1


@settings(max_examples=20)
@given(
    form=st.sampled_from(["NFC", "NFD"]),
    invisible=st.text("\u00ad\u200b\u200e\u2060\ufeff", max_size=3),
    step=st.integers(1, 40),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_a_script_in_any_unicode_form_has_the_same_prediction(
    predictor, form, invisible, step, encoding
):
    text = fountain_of(6_000, True)
    decomposed = normalize(form, text)
    other = invisible.join(decomposed[i : i + step] for i in range(0, len(decomposed), step))
    expected = predict(parse_script(text.encode(), ".txt"), predictor)
    found = predict(parse_script(other.encode(encoding), ".txt"), predictor)
    assert (found.probability, found.parts) == (expected.probability, expected.parts)


def test_a_text_of_few_words_is_predicted(predictor):
    assert 0 < predict(Script("quiet"), predictor).probability < 1
