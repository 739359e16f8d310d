import numpy as np
import pandas as pd
import pytest
import torch

from tests.models.tiny_decoders import write_tiny
from wholescript.errors import BundleError, DataError, ParameterError
from wholescript.features.layout import dialogue_mask
from wholescript.features.lm_prompts import NOMINATED, build_prompt, yes_and_no
from wholescript.features.lm_scores import (
    ANSWERS,
    SURPRISAL,
    LMScoringConfig,
    ScriptScorer,
    cache_lm_scores,
    load_lm_scores,
    read_lm_scores,
    scoring_facts,
    summarize_films,
    write_lm_scores,
)
from wholescript.features.lm_windows import (
    VALUES,
    WindowScorer,
    split_windows,
    spread_order,
)
from wholescript.features.pretrained_decoders import load_pretrained_lm

SCRIPT = (
    "INT. PIER - NOON\n\nthe old ferry left.\n\nMARA\nthe pier was old\n\nthe ferry was late\n" * 4
)
EXAMPLES = [("the pier was old", "Yes"), ("the ferry was late", "No")]
POSITIONS = 2048


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("tiny"), steps=20, positions=POSITIONS)


@pytest.fixture(scope="module")
def lm(folder):
    return load_pretrained_lm(folder)


@pytest.fixture(scope="module")
def windows(lm):
    return split_windows(lm, SCRIPT, 16)


def test_dialogue_is_what_a_named_character_says():
    text = (
        "INT. PIER - NOON\n\nShe waits.\n\nMARA (O.S.)\n\n(softly)\nWhere is it?\n\n"
        "She goes.\nBOB\nHere.\n"
    )
    said = "".join(
        letter for letter, is_said in zip(text, dialogue_mask(text), strict=True) if is_said
    )
    assert said == "(softly)\nWhere is it?\nHere.\n"
    assert not dialogue_mask("no names here\n\nnone at all").any()
    assert dialogue_mask("").shape == (0,)


@pytest.mark.parametrize("n", [1, 2, 5, 8, 75])
def test_every_beginning_of_the_order_is_spread_over_the_script(n):
    order = spread_order(n)
    assert sorted(order) == list(range(n))
    for k in range(1, n):
        gaps = np.diff(np.sort([*order[:k], n]))
        assert gaps.max() <= 2 * np.ceil(n / k) + 1


def test_windows_are_the_script_without_its_incomplete_end(lm, windows):
    ids = lm.encode(SCRIPT)
    assert windows.ids.ravel().tolist() == ids[: len(windows) * 16]
    assert len(windows) == len(ids) // 16
    decoded = lm.tokenizer.decode(windows.ids[windows.dialogue])
    assert "pier was old" in decoded and "ferry" not in decoded
    assert sum(windows.n_characters) <= len(SCRIPT)
    assert len(split_windows(lm, "the ferry", 512)) == 1


def test_losses_are_those_of_the_model_after_the_prompt(lm, windows):
    values = WindowScorer(lm, EXAMPLES).score(windows, [2])[0]
    found = dict(zip(VALUES, values, strict=True))
    before = build_prompt(lm.tokenizer, NOMINATED).before
    ids = torch.tensor([[*before, *windows.ids[2]]])
    with torch.inference_mode():
        log_p = lm.model(ids).logits[0].float().log_softmax(-1)[len(before) - 1 : -1]
    loss = -log_p[torch.arange(16), ids[0, len(before) :]].numpy()
    assert found["loss"] == pytest.approx(loss.mean(), rel=1e-4)
    assert found["loss_std"] == pytest.approx(loss.std(), rel=1e-4)
    assert found["loss_last_quarter"] == pytest.approx(loss[-4:].mean(), rel=1e-4)
    assert found["entropy"] == pytest.approx(float(-(log_p.exp() * log_p).sum(-1).mean()), rel=1e-4)
    right = log_p.argmax(-1).numpy() == windows.ids[2]
    assert found["accuracy"] == pytest.approx(right.mean())
    runs = "".join(str(int(r)) for r in right).split("0")
    assert found["longest_run"] == max(map(len, runs))


def test_answers_are_those_of_one_pass_over_the_whole_prompt(lm, windows):
    scorer = WindowScorer(lm, EXAMPLES)
    values = scorer.score(windows, [0, 3])
    _, yes, no = yes_and_no(lm.tokenizer)
    assert yes != no
    prompts = [*scorer.questions, scorer.few_shot]
    for prompt, name in zip(prompts, ANSWERS, strict=True):
        for row, window in enumerate((0, 3)):
            ids = torch.tensor([[*prompt.before, *windows.ids[window], *prompt.after]])
            with torch.inference_mode():
                logits = lm.model(ids).logits[0, -1]
            expected = float(logits[yes] - logits[no])
            assert values[row, VALUES.index(name)] == pytest.approx(expected, abs=1e-4)
    alone = scorer.score(windows, [3])
    np.testing.assert_allclose(alone[0], values[1], rtol=1e-3, atol=1e-4)


def test_prompt_with_examples_ends_with_the_question():
    class Words:
        chat_template = None

        def encode(self, text, add_special_tokens):
            return text

    prompt = build_prompt(Words(), NOMINATED, [("one pier", "Yes")])
    joined = "".join(prompt.before) + "TWO" + "".join(prompt.after)
    assert joined.endswith(f"TWO\n\n{NOMINATED}\nAnswer:")
    assert f"one pier\n\n{NOMINATED}\nAnswer: Yes\n\n" in joined


def test_answers_that_begin_alike_are_told_apart(lm):
    shared, yes, no = yes_and_no(lm.tokenizer)
    assert lm.tokenizer.decode([*shared, yes]) == " Y"
    assert lm.tokenizer.decode([*shared, no]) == " N"
    assert WindowScorer(lm, EXAMPLES).questions[0].after[-1] == shared[-1]


def test_title_scores_are_log_probabilities(lm, windows):
    scorer = WindowScorer(lm, EXAMPLES)
    titles = ["the old ferry", "late", "noon at the pier"]
    found = scorer.title_scores(windows.ids[0], titles)
    prompt = scorer._title
    for title, score in zip(titles, found, strict=True):
        answer = lm.encode(title)
        ids = torch.tensor([[*prompt.before, *windows.ids[0], *prompt.after, *answer]])
        with torch.inference_mode():
            log_p = lm.model(ids).logits[0].float().log_softmax(-1)
        at = range(ids.shape[1] - len(answer) - 1, ids.shape[1] - 1)
        expected = sum(float(log_p[i, token]) for i, token in zip(at, answer, strict=True))
        assert score == pytest.approx(expected, abs=1e-3)
    one_token = lm.tokenizer.decode(lm.encode("t")[:1])
    assert scorer.title_scores(windows.ids[0], [one_token]).shape == (1,)


@pytest.fixture
def stored(folder, tmp_path):
    """Two films scored in two rounds."""
    config = LMScoringConfig(folder, 16, 2)
    scorer = ScriptScorer(config, config.load(), EXAMPLES)
    scripts = [("aa", SCRIPT), ("bb", "the pier was old and late " * 3)]
    for number in range(2):
        cache_lm_scores(scripts, scorer, number, cache=tmp_path)
    return scorer, load_lm_scores(["one", "two"], ["aa", "bb"], scorer, 2, cache=tmp_path)


def test_rounds_add_windows(stored):
    _, table = stored
    counts = table.groupby("film_id").size()
    assert counts["one"] == 4
    assert counts["two"] == min(4, table.loc[table["film_id"] == "two", "n_windows"].iloc[0])
    assert not table.duplicated(["film_id", "window"]).any()
    assert np.isfinite(table["loss"]).all()


def test_finished_films_are_not_read_again(tmp_path, stored, monkeypatch):
    scorer, _ = stored
    monkeypatch.setattr(ScriptScorer, "score_round", lambda *args, **kwargs: pytest.fail("read"))
    cache_lm_scores([("aa", SCRIPT)], scorer, 0, cache=tmp_path)


def test_scores_with_other_examples_are_not_those_of_the_cache(tmp_path, stored):
    scorer, _ = stored
    other = ScriptScorer(scorer.config, scorer.lm, EXAMPLES[::-1])
    with pytest.raises(DataError, match="1 of 1 films are not in the cache"):
        load_lm_scores(["one"], ["aa"], other, 1, cache=tmp_path)


def test_scores_come_back_from_the_bundle(stored, tmp_path):
    scorer, table = stored
    titles = pd.DataFrame({"film_id": ["one"], "rank": [1], "named": [True]})
    write_lm_scores(tmp_path, table, titles, scoring_facts(scorer, ["x", "y"]))
    windows, found, facts = read_lm_scores(tmp_path)
    pd.testing.assert_frame_equal(windows, table, rtol=2e-3, check_dtype=False)
    pd.testing.assert_frame_equal(found, titles)
    assert facts["examples"] == ["x", "y"]
    assert all(np.isfinite(facts["content_free"][name]) for name in ANSWERS)
    (tmp_path / "language_model.parquet").write_bytes(b"PAR1")
    with pytest.raises(BundleError, match=r"language_model\.parquet does not match"):
        read_lm_scores(tmp_path)


def test_missing_scores_are_an_error(tmp_path):
    with pytest.raises(BundleError, match=r"language_model\.json is missing"):
        read_lm_scores(tmp_path)


def test_summary_of_films(stored):
    _, table = stored
    offsets = dict.fromkeys(ANSWERS, 0.5)
    summary = summarize_films(table, ["two", "one"], offsets)
    assert list(summary.index) == ["two", "one"]
    one = table[table["film_id"] == "one"]
    row = summary.loc["one"]
    assert row["loss_mean"] == pytest.approx(one["loss"].mean())
    position = (one["window"] + 0.5) / one["n_windows"]
    assert row["loss_trend"] == pytest.approx(np.polyfit(position, one["loss"], 1)[0], rel=1e-3)
    assert row["log_odds_nominated"] == pytest.approx(one["log_odds_nominated"].mean() - 0.5)
    assert row["share_read"] == pytest.approx(4 / one["n_windows"].iloc[0])
    assert set(SURPRISAL) <= set(summary)
    with pytest.raises(BundleError, match="1 films have no scores of a language model, 'three'"):
        summarize_films(table, ["one", "three"], offsets)


def test_window_of_no_tokens_is_an_error():
    with pytest.raises(ParameterError, match="window=0"):
        LMScoringConfig(window=0)
