import warnings

import pytest
import torch

from tests.models.tiny_decoders import language, write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.decoder_classifier import DecoderClassifier

CLASSES = 3


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("decoders")
    return {kind: write_tiny(root / kind, kind) for kind in ("gpt2", "llama")}


@pytest.fixture(params=["gpt2", "llama"])
def folder(request, folders):
    return folders[request.param]


def classifier(folder, tuning="lora", **options):
    torch.manual_seed(0)
    return DecoderClassifier(load_decoder(folder), CLASSES, tuning, **options)


def batch():
    """Ids and mask of texts with 8, 3 and 1 tokens."""
    ids = torch.randint(1, 200, (3, 8), generator=torch.Generator().manual_seed(0))
    mask = torch.arange(8) < torch.tensor([[8], [3], [1]])
    return ids * mask, mask


def trained(model):
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def step(model):
    """Take one large step; return the names of the parameters that it changed."""
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 1.0)
    model(*batch()).log_softmax(1)[:, 0].sum().backward()
    optimizer.step()
    return {
        name for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }


@pytest.mark.parametrize("tuning", ["full", "lora", "frozen"])
def test_padding_has_no_influence(folder, tuning):
    model = classifier(folder, tuning).eval()
    ids, mask = batch()
    logits = model(ids, mask)
    assert logits.shape == (3, CLASSES)
    torch.testing.assert_close(model(torch.where(mask, ids, 7), mask), logits)
    for row, length in enumerate(mask.sum(1).tolist()):
        alone = model(ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], logits[row], rtol=1e-4, atol=1e-5)


def test_head_is_applied_to_the_last_token(folder):
    model = classifier(folder, "frozen").eval()
    ids, mask = batch()
    base = load_decoder(folder).model.base_model
    for row, length in enumerate(mask.sum(1).tolist()):
        state = base(ids[row : row + 1, :length]).last_hidden_state[0, -1]
        torch.testing.assert_close(model(ids, mask)[row], model.head(state), rtol=1e-4, atol=1e-5)


def test_full_trains_everything(folder):
    model = classifier(folder, "full")
    assert trained(model) == {name for name, _ in model.named_parameters()}
    assert len(step(model)) > 20


def test_frozen_trains_the_head_only(folder):
    model = classifier(folder, "frozen")
    assert trained(model) == {"head.1.weight", "head.1.bias"} == step(model)


def test_lora_trains_adapters_and_head(folder):
    model = classifier(folder, "lora", lora_rank=2)
    base = load_decoder(folder).model.base_model
    layers = [
        n for n, module in base.named_modules() if type(module).__name__ in ("Linear", "Conv1D")
    ]
    adapters = {
        f"base.base_model.model.{name}.lora_{letter}.default.weight"
        for name in layers
        for letter in "AB"
    }
    assert len(layers) in (8, 14)
    assert trained(model) == adapters | {"head.1.weight", "head.1.bias"}
    assert step(model) <= trained(model)
    ranks = [p.shape[0] for name, p in model.named_parameters() if "lora_A" in name]
    assert set(ranks) == {2}


def test_adapters_are_scaled_by_alpha_over_rank(folder):
    ids, mask = batch()
    logits = {}
    for alpha in (4, 8):
        model = classifier(folder, "lora", lora_rank=2, lora_alpha=alpha).eval()
        for name, parameter in model.named_parameters():
            if "lora_B" in name:  # twice the scale times half the weights
                torch.nn.init.constant_(parameter, 0.4 / alpha)
        logits[alpha] = model(ids, mask)
    untouched = classifier(folder, "lora", lora_rank=2).eval()(ids, mask)
    torch.testing.assert_close(logits[4], logits[8], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits[4], untouched, atol=1e-3)


def test_untrained_adapters_do_not_change_the_logits(folder):
    ids, mask = batch()
    lora, frozen = (classifier(folder, tuning).eval() for tuning in ("lora", "frozen"))
    frozen.head.load_state_dict(lora.head.state_dict())
    torch.testing.assert_close(lora(ids, mask), frozen(ids, mask))


def test_unfreeze_trains_everything(folder):
    model = classifier(folder, "frozen")
    model.unfreeze()
    assert trained(model) == {name for name, _ in model.named_parameters()}
    assert len(step(model)) > 20


@pytest.mark.parametrize("tuning", ["full", "lora", "frozen"])
def test_lm_loss_equals_that_of_the_causal_model_before_training(folder, tuning):
    ids = language(folder)
    with torch.inference_mode():
        expected = load_decoder(folder).model(input_ids=ids, labels=ids).loss
    assert classifier(folder, tuning).lm_loss(ids) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_training_changes_the_lm_loss(folder, tuning):
    ids = language(folder)
    model = classifier(folder, tuning)
    before = model.lm_loss(ids)
    for _ in range(2):  # the first step changes only one of an adapter's two matrices
        step(model)
    assert abs(model.lm_loss(ids) - before) > 1e-3


def test_frozen_model_keeps_its_lm_loss(folder):
    ids = language(folder)
    model = classifier(folder, "frozen")
    before = model.lm_loss(ids)
    step(model)
    assert model.lm_loss(ids) == before


def test_lm_loss_is_computed_without_dropout(folder):
    model = classifier(folder, "lora", dropout=0.9).train()
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.constant_(parameter, 0.1)
    ids = language(folder)
    assert model.lm_loss(ids) == model.lm_loss(ids)
    assert model.training and model.base.training
    assert not torch.equal(model(*batch()), model(*batch()))


def test_no_warnings_or_output(folder, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = classifier(folder, "lora")
        model(*batch()).sum().backward()
        model.lm_loss(language(folder))
    assert capfd.readouterr() == ("", "")


def test_output_layer_of_the_language_model_is_not_registered(folder):
    base = load_decoder(folder).model.base_model
    model = classifier(folder, "frozen")
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count == sum(p.numel() for p in base.parameters()) + CLASSES * (16 + 1)
    assert not any("lm_head" in name for name in model.state_dict())


@pytest.mark.parametrize(
    ("tuning", "options", "message"),
    [
        ("partial", {}, "tuning='partial' is none of full, lora, frozen"),
        ("lora", {"lora_rank": 0}, "lora_rank=0 must be a whole number, at least 1"),
        ("lora", {"lora_alpha": 0}, "lora_alpha=0 must be a whole number, at least 1"),
    ],
)
def test_invalid_options_are_an_error(folders, tuning, options, message):
    with pytest.raises(ParameterError, match=message):
        classifier(folders["llama"], tuning, **options)
