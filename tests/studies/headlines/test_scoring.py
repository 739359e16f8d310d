import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.scoring import original_metric, token_nll
from wholescript.studies.headlines.tokenizer import train_headline_tokenizer

HEADLINES = [
    f"Show HN: a café that counts {n} {what}" for n in range(12) for what in ("cups", "bees")
]
TOKENIZER = train_headline_tokenizer(HEADLINES, vocab_size=320)
EXACT = {"block_size": 16, "bfloat16": False}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = GPTConfig(
        TOKENIZER.vocab_size, block_size=16, n_layer=1, n_head=2, d_model=16,
        document_mask=True, positions="rotary", norm="rms",
    )  # fmt: skip
    return GPT(config, TOKENIZER.eos_token_id).eval()


def headline_totals(token_losses):
    return np.array([losses.sum() for losses in token_losses])


def task_losses(model, stream, block_size, batch_size):
    """Compute the original task's loss sum and token count as its code does."""
    span, total, count = block_size * batch_size + 1, 0.0, 0
    for start in range(0, len(stream) - span + 1, span):
        part = torch.from_numpy(stream[start : start + span])
        x, y = (ids.view(batch_size, block_size) for ids in (part[:-1], part[1:]))
        with torch.no_grad():
            logits = model(x)
        total += float(cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum"))
        count += y.numel()
    return total, count


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_original_metric_equals_that_of_the_task(model, batch_size):
    found = original_metric(model, TOKENIZER, HEADLINES, batch_size=batch_size, **EXACT)
    stream = TOKENIZER.stream(HEADLINES)[1:]
    total, count = task_losses(model, stream, 16, batch_size)
    text = "<eos>".join(HEADLINES) + "<eos>"
    assert found.nats_per_character == pytest.approx(total / len(text), rel=1e-5)
    assert found.scored_token_share == count / (len(stream) - 1)


def test_larger_batch_lowers_the_task_metric_but_not_the_corrected_one(model):
    small, large = (
        original_metric(model, TOKENIZER, HEADLINES, batch_size=size, **EXACT) for size in (1, 10)
    )
    assert large.nats_per_character < 0.8 * small.nats_per_character
    corrected = small.corrected_nats_per_character
    assert large.corrected_nats_per_character == pytest.approx(corrected, rel=0.05)
    with pytest.raises(DataError, match="do not fill a batch of 900 x 16"):
        original_metric(model, TOKENIZER, HEADLINES, batch_size=900, **EXACT)


def test_per_headline_context_scores_every_token_of_a_headline_alone(model):
    options = {"eval_context": "per_headline", "block_size": 64, "bfloat16": False}
    nats = headline_totals(token_nll(model, TOKENIZER, HEADLINES, **options))
    for headline, found in list(zip(HEADLINES, nats, strict=True))[::7]:
        stream = torch.from_numpy(TOKENIZER.stream([headline]))
        with torch.no_grad():
            expected = cross_entropy(model(stream[None, :-1])[0], stream[1:], reduction="sum")
        assert found == pytest.approx(float(expected), rel=1e-4)


def test_document_mask_makes_a_sliding_window_equal_to_per_headline_context(model):
    per_headline, sliding_window = (
        headline_totals(
            token_nll(
                model, TOKENIZER, HEADLINES, eval_context=context, block_size=64, bfloat16=False
            )
        )
        for context in ("per_headline", "sliding_window")
    )
    np.testing.assert_allclose(per_headline, sliding_window, rtol=1e-4)


def test_non_overlapping_windows_are_those_of_training(model):
    nats = headline_totals(token_nll(model, TOKENIZER, HEADLINES, **EXACT))
    assert len(nats) == len(HEADLINES)
    stream = TOKENIZER.stream(HEADLINES)
    rows = [torch.from_numpy(stream[at : at + 17]) for at in range(0, len(stream) - 1, 16)]
    with torch.no_grad():
        parts = [cross_entropy(model(r[None, :-1])[0], r[1:], reduction="sum") for r in rows]
    assert nats.sum() == pytest.approx(float(sum(parts)), rel=1e-5)


def test_unknown_eval_context_raises(model):
    with pytest.raises(ParameterError, match="none of non_overlapping, sliding_window"):
        token_nll(model, TOKENIZER, HEADLINES, eval_context="all")
