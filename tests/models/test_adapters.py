import pytest
import torch

from tests.models.tiny_decoders import write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_pretrained_lm
from wholescript.models.adapters import prepare_for_tuning
from wholescript.models.dropout import FastDropout


@pytest.fixture
def decoder(tmp_path):
    return load_pretrained_lm(str(write_tiny(tmp_path / "tiny")))


@pytest.mark.parametrize("tuning", ["full", "lora", "frozen"])
def test_tuning_selects_the_trained_weights(decoder, tuning):
    base = prepare_for_tuning(decoder, tuning)
    trained = {name for name, value in base.named_parameters() if value.requires_grad}
    every = {name for name, _ in base.named_parameters()}
    expected = {"full": every, "frozen": set(), "lora": {n for n in every if "lora_" in n}}
    assert trained == expected[tuning]


def test_untrained_adapters_do_not_change_the_output(tmp_path, decoder):
    ids = torch.tensor([[5, 9, 11, 7]])
    with torch.no_grad():
        before = load_pretrained_lm(str(tmp_path / "tiny")).model(input_ids=ids).logits
        prepare_for_tuning(decoder, "lora")
        assert torch.allclose(decoder.model(input_ids=ids).logits, before, atol=1e-5)


def test_adapters_use_the_fast_dropout(decoder):
    base = prepare_for_tuning(decoder, "lora", dropout=0.3)
    dropouts = [m for m in base.modules() if isinstance(m, torch.nn.Dropout)]
    assert dropouts and all(type(m) is FastDropout and m.p == 0.3 for m in dropouts)


@pytest.mark.parametrize("options", [{"tuning": "half"}, {"lora_rank": 0}, {"lora_alpha": 0}])
def test_invalid_options_are_an_error(decoder, options):
    with pytest.raises(ParameterError):
        prepare_for_tuning(decoder, **({"tuning": "lora"} | options))
