import pytest
import torch
from torch.nn.functional import cross_entropy

from wholescript.models.gpt import GPT, GPTConfig
from wholescript.training.batches import DocumentBatch
from wholescript.training.objectives.next_token import NextTokenObjective
from wholescript.training.objectives.r_drop import RDropObjective


def gpt(dropout=0.0):
    torch.manual_seed(0)
    config = GPTConfig(
        vocab_size=100, block_size=8, n_layer=1, n_head=2, d_model=16, dropout=dropout
    )
    return GPT(config, eos_token_id=1)


@pytest.fixture
def batch():
    ids = torch.arange(4)[:, None] * 8 + torch.arange(9)
    return DocumentBatch(torch.arange(4).numpy(), ids, torch.ones_like(ids).bool(), torch.zeros(4))


def test_without_dropout_the_gradient_is_that_of_one_pass(batch):
    gradients = []
    for objective in (
        NextTokenObjective(bfloat16=False),
        RDropObjective(bfloat16=False, kl_weight=3.0),
    ):
        model = gpt()
        objective.training_step(model, batch, cross_entropy, seed=0)
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    torch.testing.assert_close(gradients[0], gradients[1], atol=1e-6, rtol=1e-4)


def test_kl_weight_brings_two_dropout_passes_closer(batch):
    def distance_after_training(kl_weight):
        model = gpt(dropout=0.3)
        optimizer = torch.optim.SGD(model.parameters(), 0.5)
        objective = RDropObjective(bfloat16=False, kl_weight=kl_weight)
        for step in range(30):
            optimizer.zero_grad()
            objective.training_step(model, batch, cross_entropy, seed=step)
            optimizer.step()
        torch.manual_seed(1)
        first, second = (
            model.next_token_logits(batch.input_ids, batch.attention_mask)[0] for _ in "ab"
        )
        return float((first.softmax(-1) - second.softmax(-1)).abs().sum(-1).mean().detach())

    assert distance_after_training(20.0) < 0.8 * distance_after_training(0.0)
