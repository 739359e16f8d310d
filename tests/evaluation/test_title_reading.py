import numpy as np
import pytest
import torch

from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.objectives import TokenStreamBatchLoader
from wholescript.studies.headlines.probing import (
    generate_headlines,
    loss_by_frequency,
    loss_by_position,
    top_next_tokens,
)
from wholescript.studies.headlines.tokenizer import train_headline_tokenizer
from wholescript.training.language_model import NextTokenObjective

TITLES = [f"Show HN: a tool for {word}" for word in ("cups", "bees", "maps", "logs")] * 10
TOKENS = train_headline_tokenizer(TITLES, vocab_size=320)


@pytest.fixture(scope="module")
def model():
    """A small model that learned the titles."""
    torch.manual_seed(0)
    size = {"layers": 1, "heads": 2, "width": 32, "context": 32, "dropout": 0.0}
    model = GPT(GPTConfig(TOKENS.vocab_size, **size), TOKENS.eos_token_id)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    batches = TokenStreamBatchLoader(TOKENS.stream(TITLES), 16, 4)
    for epoch in range(12):
        for batch in batches.train_batches(epoch):
            optimizer.zero_grad()
            NextTokenObjective(False).training_step(
                model, batch, torch.nn.functional.cross_entropy, seed=0
            )
            optimizer.step()
    return model.eval()


def test_it_expects_what_it_learned(model):
    begins = top_next_tokens(model, TOKENS, "")
    assert begins.loc[0, "token"] == " Show" and begins.loc[0, "probability"] > 0.8
    assert begins["probability"].is_monotonic_decreasing and len(begins) == 10
    after = top_next_tokens(model, TOKENS, "Show HN: a tool", top=1)
    assert after.loc[0, "token"] == " for"
    with pytest.raises(ParameterError, match="top=0"):
        top_next_tokens(model, TOKENS, "", top=0)


def test_it_writes_titles(model):
    written = generate_headlines(model, TOKENS, 5, temperature=0.5, max_tokens=20, seed=1)
    assert len(written) == 5 and set(written) <= set(TITLES)
    assert written == generate_headlines(model, TOKENS, 5, temperature=0.5, max_tokens=20, seed=1)
    prompt = generate_headlines(model, TOKENS, 2, prompt="Show HN: a", max_tokens=20)
    assert all(title.startswith("Show HN: a") for title in prompt)
    with pytest.raises(DataError, match="more than the 32 that the model reads"):
        generate_headlines(model, TOKENS, 1, max_tokens=40)
    with pytest.raises(ParameterError, match="temperature=0"):
        generate_headlines(model, TOKENS, 1, temperature=0)


def test_losses_by_place_and_by_frequency():
    losses = [np.array([4.0, 1.0, 0.5], np.float32), np.array([2.0, 3.0], np.float32)]
    table = loss_by_position(losses, max_position=2)
    assert table.to_dict("list") == {"position": [0, 1], "nats": [3.0, 2.0], "tokens": [2, 2]}


def test_the_shares_of_frequent_and_rare_tokens_add_up():
    each = TOKENS(TITLES[:4])
    losses = [np.where(ids == TOKENS.eos_token_id, 0.5, 2.0).astype(np.float32) for ids in each]
    train = TOKENS.stream(TITLES[:2])
    table = loss_by_frequency(losses, TOKENS, TITLES[:4], train).set_index("from_times")
    assert table["share"].sum() == pytest.approx(1)
    assert table["tokens"].sum() == sum(map(len, each))
    assert table.index[0] == 0, "the last words of two titles were never seen"
    never = {id_ for ids in each for id_ in ids} - set(train.tolist())
    assert table.loc[0, "tokens"] == sum(id_ in never for ids in each for id_ in ids)
