import pytest
import torch

from wholescript.errors import ParameterError
from wholescript.models.sizes import MODEL_SIZES
from wholescript.models.transformer_classifier import CausalTransformerClassifier

VOCAB, CLASSES = 40, 3

COUNTS = {"tiny": 1_430_989, "small": 2_886_221, "medium": 4_438_093, "large": 7_517_837}
"""Parameters with a tokenizer of 8,000 tokens and the 77 classes of Banking77."""


@pytest.fixture(params=["last", "mean"])
def pooling(request):
    return request.param


@pytest.fixture
def model(pooling):
    torch.manual_seed(0)
    return CausalTransformerClassifier(VOCAB, CLASSES, "tiny", pooling=pooling).eval()


@pytest.fixture
def batch():
    """Ids and mask of texts with 9, 3, 1 and 9 tokens."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(2, VOCAB, (4, 9), generator=generator)
    mask = torch.arange(9) < torch.tensor([[9], [3], [1], [9]])
    return ids * mask, mask


def test_model_sizes():
    assert MODEL_SIZES == {
        "tiny": (2, 128),
        "small": (3, 192),
        "medium": (3, 256),
        "large": (4, 320),
    }


@pytest.mark.parametrize("size", COUNTS)
def test_number_of_parameters(size):
    n_layer, d_model = MODEL_SIZES[size]
    model = CausalTransformerClassifier(8_002, 77, size)
    count = sum(parameter.numel() for parameter in model.parameters())
    attention = 4 * d_model * (d_model + 1)
    feedforward = 8 * d_model * d_model + 5 * d_model
    norms = 4 * d_model
    blocks = n_layer * (attention + feedforward + norms) + 2 * d_model
    assert count == 8_002 * d_model + blocks + 77 * (d_model + 1) == COUNTS[size]
    assert all(parameter.requires_grad for parameter in model.parameters())


def test_states_do_not_depend_on_later_tokens(model, batch):
    ids, mask = batch
    changed = ids.clone()
    changed[0, 5:] = (changed[0, 5:] + 1) % VOCAB
    before, after = (
        model.encoder.hidden_states(ids, mask),
        model.encoder.hidden_states(changed, mask),
    )
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[0, 5:], after[0, 5:], atol=1e-3)
    assert not torch.allclose(model(ids, mask)[0], model(changed, mask)[0], atol=1e-4)


def test_padding_has_no_influence(model, batch):
    ids, mask = batch
    logits = model(ids, mask)
    assert logits.shape == (4, CLASSES)
    torch.testing.assert_close(model(torch.where(mask, ids, VOCAB - 1), mask), logits)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = model(ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], logits[row])


def test_pooling_is_the_last_state_or_the_mean(model, pooling, batch):
    ids, mask = batch
    states = model.encoder.hidden_states(ids, mask)
    for row, length in enumerate(mask.sum(1).tolist()):
        own = states[row, :length]
        expected = model.head(own[-1] if pooling == "last" else own.mean(0))
        torch.testing.assert_close(model(ids, mask)[row], expected)


def test_token_order_matters(model, batch):
    ids, mask = (tensor[:1] for tensor in batch)
    assert not torch.allclose(model(ids, mask), model(ids.flip(1), mask), atol=1e-4)


def test_every_parameter_gets_a_gradient(model, batch):
    model.train()
    model(*batch).square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_unknown_size_or_pooling_is_an_error():
    with pytest.raises(ParameterError, match="size='huge' is none of tiny, small, medium, large"):
        CausalTransformerClassifier(VOCAB, CLASSES, "huge")
    with pytest.raises(ParameterError, match="pooling='max' is none of last, mean"):
        CausalTransformerClassifier(VOCAB, CLASSES, pooling="max")
