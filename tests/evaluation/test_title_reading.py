import numpy as np
import pytest
import torch

from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.objectives import StreamBatches
from wholescript.studies.headlines.probing import (
    expected_next,
    loss_by_frequency,
    loss_by_position,
    write_titles,
)
from wholescript.studies.headlines.tokenizer import train_title_tokens
from wholescript.training.language_model import NextToken

TITLES = [f"Show HN: a tool for {word}" for word in ("cups", "bees", "maps", "logs")] * 10
TOKENS = train_title_tokens(TITLES, vocabulary=320)


@pytest.fixture(scope="module")
def model():
    """A small model that learned the titles."""
    torch.manual_seed(0)
    size = {"layers": 1, "heads": 2, "width": 32, "context": 32, "dropout": 0.0}
    model = GPT(GPTConfig(TOKENS.vocabulary, **size), TOKENS.end)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    batches = StreamBatches(TOKENS.stream(TITLES), 16, 4)
    for epoch in range(12):
        for batch in batches.shuffled(epoch):
            optimizer.zero_grad()
            NextToken(False).backward(model, batch, torch.nn.functional.cross_entropy, seed=0)
            optimizer.step()
    return model.eval()


def test_it_expects_what_it_learned(model):
    begins = expected_next(model, TOKENS, "")
    assert begins.loc[0, "token"] == " Show" and begins.loc[0, "probability"] > 0.8
    assert begins["probability"].is_monotonic_decreasing and len(begins) == 10
    after = expected_next(model, TOKENS, "Show HN: a tool", top=1)
    assert after.loc[0, "token"] == " for"
    with pytest.raises(ParameterError, match="top=0"):
        expected_next(model, TOKENS, "", top=0)


def test_it_writes_titles(model):
    written = write_titles(model, TOKENS, 5, temperature=0.5, longest=20, seed=1)
    assert len(written) == 5 and set(written) <= set(TITLES)
    assert written == write_titles(model, TOKENS, 5, temperature=0.5, longest=20, seed=1)
    begun = write_titles(model, TOKENS, 2, begun="Show HN: a", longest=20)
    assert all(title.startswith("Show HN: a") for title in begun)
    with pytest.raises(DataError, match="more than the 32 that the model reads"):
        write_titles(model, TOKENS, 1, longest=40)
    with pytest.raises(ParameterError, match="temperature=0"):
        write_titles(model, TOKENS, 1, temperature=0)


def test_losses_by_place_and_by_frequency():
    losses = [np.array([4.0, 1.0, 0.5], np.float32), np.array([2.0, 3.0], np.float32)]
    table = loss_by_position(losses, most=2)
    assert table.to_dict("list") == {"position": [0, 1], "nats": [3.0, 2.0], "tokens": [2, 2]}


def test_the_shares_of_frequent_and_rare_tokens_add_up():
    each = TOKENS(TITLES[:4])
    losses = [np.where(ids == TOKENS.end, 0.5, 2.0).astype(np.float32) for ids in each]
    train = TOKENS.stream(TITLES[:2])
    table = loss_by_frequency(losses, TOKENS, TITLES[:4], train).set_index("from_times")
    assert table["share"].sum() == pytest.approx(1)
    assert table["tokens"].sum() == sum(map(len, each))
    assert table.index[0] == 0, "the last words of two titles were never seen"
    never = {id_ for ids in each for id_ in ids} - set(train.tolist())
    assert table.loc[0, "tokens"] == sum(id_ in never for ids in each for id_ in ids)
