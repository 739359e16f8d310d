import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.metrics import task_metric, token_nll
from wholescript.studies.headlines.tokenizer import train_headline_tokenizer

TITLES = [f"Show HN: a café that counts {n} {word}" for n in range(12) for word in ("cups", "bees")]
TOKENS = train_headline_tokenizer(TITLES, vocab_size=320)
EXACT = {"block": 16, "bfloat16": False}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    size = {"vocabulary": TOKENS.vocab_size, "layers": 1, "heads": 2, "width": 16}
    config = GPTConfig(**size, block_size=16, document_mask=True, positions="rotary", norm="rms")
    return GPT(config, TOKENS.eos_token_id).eval()


def totals(losses):
    return np.array([part.sum() for part in losses])


def losses(model, stream, block_size, batch_size):
    """Follow the published task to the letter: a batch is a span of one token more."""
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
def test_the_published_loss_is_that_of_the_task(model, batch_size):
    found = task_metric(model, TOKENS, TITLES, batch_size=batch_size, **EXACT)
    stream = TOKENS.stream(TITLES)[1:]
    total, count = losses(model, stream, 16, batch_size)
    text = "<eos>".join(TITLES) + "<eos>"
    assert found.value == pytest.approx(total / len(text), rel=1e-5)
    assert found.scored == count / (len(stream) - 1)
    assert found.corrected == pytest.approx(found.value / found.scored)


def test_a_larger_batch_flatters(model):
    small, large = (
        task_metric(model, TOKENS, TITLES, batch_size=size, **EXACT) for size in (1, 10)
    )
    assert large.value < 0.8 * small.value
    assert large.corrected == pytest.approx(small.corrected, rel=0.05)
    with pytest.raises(DataError, match="do not fill a batch of 900 x 16"):
        task_metric(model, TOKENS, TITLES, batch_size=900, **EXACT)


def test_every_token_of_every_title_is_scored(model):
    nats = totals(token_nll(model, TOKENS, TITLES, reading="alone", block_size=64, bfloat16=False))
    for title, found in list(zip(TITLES, nats, strict=True))[::7]:
        stream = torch.from_numpy(TOKENS.stream([title]))
        with torch.no_grad():
            expected = cross_entropy(model(stream[None, :-1])[0], stream[1:], reduction="sum")
        assert found == pytest.approx(float(expected), rel=1e-4)


def test_a_model_that_reads_titles_alone_is_hardly_judged_otherwise_in_a_stream(model):
    alone, overlapping = (
        totals(token_nll(model, TOKENS, TITLES, reading=reading, block_size=64, bfloat16=False))
        for reading in ("alone", "overlapping")
    )
    np.testing.assert_allclose(alone, overlapping, rtol=1e-4)


def test_windows_are_those_of_training(model):
    nats = totals(token_nll(model, TOKENS, TITLES, **EXACT))
    assert len(nats) == len(TITLES)
    stream = TOKENS.stream(TITLES)
    rows = [torch.from_numpy(stream[at : at + 17]) for at in range(0, len(stream) - 1, 16)]
    with torch.no_grad():
        parts = [cross_entropy(model(r[None, :-1])[0], r[1:], reduction="sum") for r in rows]
    assert nats.sum() == pytest.approx(float(sum(parts)), rel=1e-5)
    with pytest.raises(ParameterError, match="'all' is none of windows, overlapping, alone"):
        token_nll(model, TOKENS, TITLES, reading="all")
