import numpy as np
import pytest
import torch

from tests.studies.headlines.headline_texts import THINGS
from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.analysis import (
    generate_headlines,
    loss_by_frequency,
    loss_by_position,
    top_next_tokens,
)
from wholescript.studies.headlines.batches import TokenStreamBatchLoader
from wholescript.studies.headlines.tokenizer import train_headline_tokenizer
from wholescript.training.objectives.next_token import NextTokenObjective

HEADLINES = [f"Show HN: a tool for {thing}" for thing in THINGS[:4]] * 10
TOKENIZER = train_headline_tokenizer(HEADLINES, vocab_size=320)


@pytest.fixture(scope="module")
def model():
    """A small model that overfits the headlines."""
    torch.manual_seed(0)
    config = GPTConfig(
        TOKENIZER.vocab_size, n_layer=1, n_head=2, d_model=32, block_size=32, dropout=0.0
    )
    model = GPT(config, TOKENIZER.eos_token_id)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    loader = TokenStreamBatchLoader(TOKENIZER.stream(HEADLINES), 16, 4)
    for epoch in range(12):
        for batch in loader.train_batches(epoch):
            optimizer.zero_grad()
            NextTokenObjective(False).training_step(
                model, batch, torch.nn.functional.cross_entropy, seed=0
            )
            optimizer.step()
    return model.eval()


def test_top_next_tokens_are_those_of_training(model):
    first = top_next_tokens(model, TOKENIZER, "")
    assert first.loc[0, "token"] == " Show" and first.loc[0, "probability"] > 0.8
    assert first["probability"].is_monotonic_decreasing and len(first) == 10
    after = top_next_tokens(model, TOKENIZER, "Show HN: a tool", k=1)
    assert after.loc[0, "token"] == " for"
    with pytest.raises(ParameterError, match="k=0"):
        top_next_tokens(model, TOKENIZER, "", k=0)


def test_generated_headlines_are_those_of_training(model):
    options = {"temperature": 0.5, "max_tokens": 20, "seed": 1}
    samples = generate_headlines(model, TOKENIZER, 5, **options)
    assert len(samples) == 5 and set(samples) <= set(HEADLINES)
    assert samples == generate_headlines(model, TOKENIZER, 5, **options)
    prompted = generate_headlines(model, TOKENIZER, 2, prompt="Show HN: a", max_tokens=20)
    assert all(headline.startswith("Show HN: a") for headline in prompted)


def test_invalid_sampling_options_raise(model):
    with pytest.raises(DataError, match="exceed the model's context of 32 tokens"):
        generate_headlines(model, TOKENIZER, 1, max_tokens=40)
    with pytest.raises(ParameterError, match="temperature=0"):
        generate_headlines(model, TOKENIZER, 1, temperature=0)


def test_loss_by_position_is_the_mean_at_each_position():
    token_nll = [np.array([4.0, 1.0, 0.5], np.float32), np.array([2.0, 3.0], np.float32)]
    table = loss_by_position(token_nll, max_position=2)
    assert table.to_dict("list") == {
        "position": [0, 1],
        "nats_per_token": [3.0, 2.0],
        "n_tokens": [2, 2],
    }


def test_loss_by_frequency_groups_every_token_by_its_training_count():
    token_ids = TOKENIZER(HEADLINES[:4])
    eos = TOKENIZER.eos_token_id
    token_nll = [np.where(ids == eos, 0.5, 2.0).astype(np.float32) for ids in token_ids]
    train_stream = TOKENIZER.stream(HEADLINES[:2])
    table = loss_by_frequency(token_nll, TOKENIZER, HEADLINES[:4], train_stream)
    assert list(table) == ["min_train_count", "nats_per_token", "n_tokens", "loss_share"]
    assert table["loss_share"].sum() == pytest.approx(1)
    assert table["n_tokens"].sum() == sum(map(len, token_ids))
    all_ids = np.concatenate(token_ids)
    unseen = ~np.isin(all_ids, train_stream)
    assert table.set_index("min_train_count").loc[0, "n_tokens"] == unseen.sum() > 0
