import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from wholescript.errors import ParameterError
from wholescript.models.causal_lm import build_llama
from wholescript.training.documents import DocumentBatchLoader
from wholescript.training.language_model import (
    NextTokenObjective,
    overlapping_windows,
    token_log_probabilities,
    windows,
)

VOCABULARY = 50


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build_llama(VOCABULARY, "tiny").eval()


@pytest.fixture
def texts():
    rng = np.random.default_rng(0)
    return [rng.integers(1, VOCABULARY, length) for length in (2, 30, 7, 19, 64)]


@given(st.lists(st.integers(2, 60), min_size=1), st.integers(2, 20))
def test_every_token_but_the_first_is_trained_on_once(lengths, window):
    texts = [np.arange(length) for length in lengths]
    asked = [token for part in windows(texts, window) for token in part[1:]]
    assert asked == [token for text in texts for token in text[1:]]
    assert all(len(part) <= window for part in windows(texts, window))


@given(st.lists(st.integers(2, 90), min_size=1), st.integers(2, 20))
def test_every_token_but_the_first_is_scored_once(lengths, max_context):
    scored = [list[int]() for _ in lengths]
    for part in overlapping_windows(lengths, max_context):
        scored[part.row] += range(part.asked, part.end)
        assert part.end - part.begin <= max_context
        if part.begin:
            assert part.asked - part.begin == max_context // 2, "what comes before it is read too"
    assert scored == [list(range(1, length)) for length in lengths]


def test_a_window_of_one_token_is_an_error():
    with pytest.raises(ParameterError, match="length=1"):
        windows([np.arange(3)], 1)


def test_scores_are_those_of_each_text_alone(model, texts):
    found = token_log_probabilities(model, texts, max_context=64, bfloat16=False)
    for text, scores in zip(texts, found, strict=True):
        with torch.no_grad():
            logits = model.model(torch.from_numpy(text)[None]).logits[0, :-1]
        expected = -cross_entropy(logits, torch.from_numpy(text[1:]), reduction="none")
        assert scores == pytest.approx(expected.numpy(), abs=1e-4)


def test_beyond_the_context_tokens_are_read_after_half_of_it(model, texts):
    (long,) = token_log_probabilities(model, [texts[-1]], max_context=20, bfloat16=False)
    (part,) = token_log_probabilities(model, [texts[-1][10:30]], max_context=20, bfloat16=False)
    assert long[:19] == pytest.approx(
        token_log_probabilities(model, [texts[-1][:20]], max_context=20, bfloat16=False)[0],
        abs=1e-4,
    )
    assert long[19:29] == pytest.approx(part[9:], abs=1e-4)


def test_half_precision_changes_a_text_by_little(model, texts):
    sums = [
        [
            scores.sum()
            for scores in token_log_probabilities(model, texts, max_context=64, bfloat16=b)
        ]
        for b in (True, False)
    ]
    assert sums[0] == pytest.approx(sums[1], rel=2e-3)


def test_padding_is_never_asked_for(model, texts):
    ids = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(text) for text in texts], True)
    mask = ids > 0
    logits, targets = model.next_token_logits(ids, mask)
    assert len(logits) == len(targets) == sum(len(text) - 1 for text in texts)
    assert logits.dtype == torch.float32
    assert (targets > 0).all()


def test_every_held_out_token_has_the_same_weight(model, texts):
    batches = DocumentBatchLoader(texts, np.zeros(len(texts), np.int64), 2)
    judged = NextTokenObjective(bfloat16=False).validation_step(model, batches, cross_entropy)
    scores = np.concatenate(token_log_probabilities(model, texts, max_context=64, bfloat16=False))
    assert judged["held_out_loss"] == pytest.approx(-scores.mean(), abs=1e-4)


@pytest.mark.parametrize("at_once", [1, 64, 128])
def test_windows_read_one_after_the_other_have_the_gradient_of_all(
    model, texts, tokens_per_forward
):
    with_one_token = [*texts, np.array([5])]
    batches = DocumentBatchLoader(with_one_token, np.zeros(len(with_one_token), np.int64), 100)
    (batch,) = batches.eval_batches()
    found = []
    for tokens in (1_000, tokens_per_forward):
        model.zero_grad()
        objective = NextTokenObjective(bfloat16=False, tokens_per_forward=tokens)
        told = objective.training_step(model.eval(), batch, cross_entropy, seed=0)
        judged = objective.validation_step(model, batches, cross_entropy)["held_out_loss"]
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((float(told), judged, gradient))
    assert found[0][:2] == pytest.approx(found[1][:2], abs=1e-5)
    torch.testing.assert_close(found[0][2], found[1][2], atol=1e-5, rtol=1e-3)


def test_one_matrix_reads_and_writes_tokens(model):
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == len({p.data_ptr() for p in model.parameters()})
    assert sum("embed_tokens" in name for name in names) == 1
    assert not any("head" in name for name in names)
