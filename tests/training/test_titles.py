import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from wholescript.errors import DataError, ParameterError
from wholescript.models.gpt import GPT, GPTConfig
from wholescript.studies.headlines.objectives import (
    RDropObjective,
    TokenStreamBatchLoader,
    whole_headlines,
)
from wholescript.training.language_model import NextTokenObjective

STREAM = np.arange(100)


def gpt(dropout=0.0):
    torch.manual_seed(0)
    config = GPTConfig(
        vocab_size=100, block_size=8, n_layer=1, n_head=2, d_model=16, dropout=dropout
    )
    return GPT(config, end=1)


def asked(batches):
    return [token for batch in batches for token in batch.input_ids[:, 1:].flatten().tolist()]


def test_in_the_order_of_the_file_whole_batches_are_read():
    batches = TokenStreamBatchLoader(STREAM, block_size=8, batch_size=4, order="file")
    assert len(batches) == 3
    assert asked(batches.train_batches(0)) == asked(batches.train_batches(5)) == list(range(1, 97))


def test_shuffled_windows_are_cut_anew():
    batches = TokenStreamBatchLoader(STREAM, block_size=8, batch_size=4)
    epochs = [asked(batches.train_batches(seed)) for seed in range(12)]
    assert epochs[3] == asked(batches.train_batches(3))
    for epoch in epochs:
        assert sorted(epoch) == list(range(min(epoch), min(epoch) + 96))
    assert {min(epoch) for epoch in epochs} == {1, 2, 3, 4}
    assert len({tuple(epoch) for epoch in epochs}) == 12


@pytest.mark.parametrize("length", [97, 98, 100, 105])
def test_all_of_a_stream_is_judged(length):
    batches = TokenStreamBatchLoader(np.arange(length), block_size=8, batch_size=4)
    assert asked(batches.eval_batches()) == list(range(1, length))


END = 99
TITLES = [[1, 2], [3, 4, 5], [6], [7, 8, 9, 10, 11], list(range(12, 30)), [30, 31]]


def test_windows_hold_whole_titles():
    stream = np.array([END, *(token for title in TITLES for token in (*title, END))])
    found = [window.tolist() for window in whole_headlines(stream, END, block_size=8)]
    assert found[:2] == [[END, 1, 2, END, 3, 4, 5, END], [END, 6, END, 7, 8, 9, 10, 11, END]]
    long = [[END, *range(12, 20)], list(range(19, 28)), [27, 28, 29, END]]
    assert found[2:] == [*long, [END, 30, 31, END]]
    asked = [token for window in found for token in window[1:]]
    assert asked == stream[1:].tolist(), "each token is asked for once"


def test_a_stream_that_fills_no_batch_is_refused():
    with pytest.raises(DataError, match="32 tokens do not fill a batch of 4 windows of 8"):
        TokenStreamBatchLoader(STREAM[:32], block_size=8, batch_size=4)
    with pytest.raises(ParameterError, match="block_size=0"):
        TokenStreamBatchLoader(STREAM, block_size=0, batch_size=4)


def test_without_dropout_two_readings_are_one():
    (batch, *_) = TokenStreamBatchLoader(STREAM, block_size=8, batch_size=4).train_batches(0)
    gradients = []
    for objective in (
        NextTokenObjective(bfloat16=False),
        RDropObjective(bfloat16=False, weight=3.0),
    ):
        model = gpt()
        objective.training_step(model, batch, cross_entropy, seed=0)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)


def test_two_readings_are_drawn_together():
    (batch, *_) = TokenStreamBatchLoader(STREAM, block_size=8, batch_size=4).train_batches(0)

    def apart_after(weight):
        model = gpt(dropout=0.3)
        optimizer = torch.optim.SGD(model.parameters(), 0.5)
        objective = RDropObjective(bfloat16=False, weight=weight)
        for step in range(30):
            optimizer.zero_grad()
            objective.training_step(model, batch, cross_entropy, seed=step)
            optimizer.step()
        torch.manual_seed(1)
        first, second = (
            model.next_token_logits(batch.input_ids, batch.attention_mask)[0] for _ in "ab"
        )
        return float((first.softmax(-1) - second.softmax(-1)).abs().sum(-1).mean().detach())

    assert apart_after(20.0) < 0.8 * apart_after(0.0)
