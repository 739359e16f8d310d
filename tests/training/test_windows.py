import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from wholescript.errors import ParameterError
from wholescript.models.causal_lm import build_llama
from wholescript.training.batches import DocumentBatchLoader
from wholescript.training.objectives.next_token import NextTokenObjective
from wholescript.training.windows import (
    overlapping_windows,
    split_into_windows,
    token_log_probabilities,
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
def test_every_token_but_the_first_is_predicted_once(lengths, window):
    texts = [np.arange(length) for length in lengths]
    targets = [token for part in split_into_windows(texts, window) for token in part[1:]]
    assert targets == [token for text in texts for token in text[1:]]
    assert all(len(part) <= window for part in split_into_windows(texts, window))


@given(st.lists(st.integers(2, 90), min_size=1), st.integers(2, 20))
def test_every_token_but_the_first_is_scored_once(lengths, max_context):
    scored = [list[int]() for _ in lengths]
    for part in overlapping_windows(lengths, max_context):
        scored[part.document] += range(part.target_start, part.end)
        assert part.end - part.start <= max_context
        if part.start:
            assert part.target_start - part.start == max_context // 2, "half is context"
    assert scored == [list(range(1, length)) for length in lengths]


def test_a_window_of_one_token_is_an_error():
    with pytest.raises(ParameterError, match="length=1"):
        split_into_windows([np.arange(3)], 1)


def test_batched_scores_equal_single_scores(model, texts):
    found = token_log_probabilities(model, texts, max_context=64, bfloat16=False)
    for text, scores in zip(texts, found, strict=True):
        with torch.no_grad():
            logits = model.model(torch.from_numpy(text)[None]).logits[0, :-1]
        expected = -cross_entropy(logits, torch.from_numpy(text[1:]), reduction="none")
        assert scores == pytest.approx(expected.numpy(), abs=1e-4)


def test_long_documents_are_scored_with_half_a_context(model, texts):
    (long,) = token_log_probabilities(model, [texts[-1]], max_context=20, bfloat16=False)
    (part,) = token_log_probabilities(model, [texts[-1][10:30]], max_context=20, bfloat16=False)
    assert long[:19] == pytest.approx(
        token_log_probabilities(model, [texts[-1][:20]], max_context=20, bfloat16=False)[0],
        abs=1e-4,
    )
    assert long[19:29] == pytest.approx(part[9:], abs=1e-4)


def test_bfloat16_scores_are_close(model, texts):
    sums = [
        [
            scores.sum()
            for scores in token_log_probabilities(model, texts, max_context=64, bfloat16=b)
        ]
        for b in (True, False)
    ]
    assert sums[0] == pytest.approx(sums[1], rel=2e-3)


def test_padding_is_no_target(model, texts):
    ids = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(text) for text in texts], True)
    mask = ids > 0
    logits, targets = model.next_token_logits(ids, mask)
    assert len(logits) == len(targets) == sum(len(text) - 1 for text in texts)
    assert logits.dtype == torch.float32
    assert (targets > 0).all()


def test_validation_loss_is_the_mean_over_tokens(model, texts):
    batches = DocumentBatchLoader(texts, np.zeros(len(texts), np.int64), 2)
    val_metrics = NextTokenObjective(bfloat16=False).validation_step(model, batches, cross_entropy)
    scores = np.concatenate(token_log_probabilities(model, texts, max_context=64, bfloat16=False))
    assert val_metrics["val_loss"] == pytest.approx(-scores.mean(), abs=1e-4)


@pytest.mark.parametrize("tokens_per_forward", [1, 64, 128])
def test_micro_batches_have_the_gradient_of_the_batch(model, texts, tokens_per_forward):
    with_one_token = [*texts, np.array([5])]
    batches = DocumentBatchLoader(with_one_token, np.zeros(len(with_one_token), np.int64), 100)
    (batch,) = batches.eval_batches()
    found = []
    for tokens in (1_000, tokens_per_forward):
        model.zero_grad()
        objective = NextTokenObjective(bfloat16=False, tokens_per_forward=tokens)
        logged = objective.training_step(model.eval(), batch, cross_entropy, seed=0)
        val_loss = objective.validation_step(model, batches, cross_entropy)["val_loss"]
        gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
        found.append((float(logged), val_loss, gradient))
    assert found[0][:2] == pytest.approx(found[1][:2], abs=1e-5)
    torch.testing.assert_close(found[0][2], found[1][2], atol=1e-5, rtol=1e-3)


def test_embeddings_are_tied(model):
    names = [name for name, _ in model.named_parameters()]
    assert len(names) == len({p.data_ptr() for p in model.parameters()})
    assert sum("embed_tokens" in name for name in names) == 1
    assert not any("head" in name for name in names)
