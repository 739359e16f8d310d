import shutil

import pytest
import torch
from transformers import (
    BertConfig,
    CamembertConfig,
    GPT2Config,
    LongformerConfig,
    MPNetConfig,
    OPTConfig,
    RobertaConfig,
    RobertaModel,
    XLMRobertaConfig,
)
from transformers.models.auto import AutoModel

from tests.features.tiny_encoders import write_tiny_encoder
from wholescript.errors import ParameterError
from wholescript.features import pretrained_models
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.features.pretrained_models import (
    loading,
    max_tokens,
    pretrained_version,
    shown_name,
)

SIZES = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 40,
}
POSITIONS = 40  # as many as tokens: the table of words must not be taken for that of positions


def on_meta(config):
    with quiet_loading(), torch.device("meta"):
        return AutoModel.from_config(config)


@pytest.mark.parametrize(
    "kind", [RobertaConfig, CamembertConfig, XLMRobertaConfig, MPNetConfig, LongformerConfig]
)
def test_positions_after_that_of_padding_are_left_out(kind):
    config = kind(max_position_embeddings=POSITIONS, pad_token_id=1, **SIZES)
    assert max_tokens(on_meta(config)) == POSITIONS - 2


@pytest.mark.parametrize(
    "config",
    [
        BertConfig(max_position_embeddings=POSITIONS, **SIZES),
        GPT2Config(n_positions=POSITIONS, n_embd=16, n_layer=1, n_head=2, vocab_size=40),
        OPTConfig(max_position_embeddings=POSITIONS, ffn_dim=16, word_embed_proj_dim=16, **SIZES),
    ],
    ids=lambda config: config.model_type,
)
def test_other_models_use_all_positions(config):
    assert max_tokens(on_meta(config)) == POSITIONS


def test_a_model_takes_as_many_tokens_and_not_one_more():
    torch.manual_seed(0)
    model = RobertaModel(RobertaConfig(max_position_embeddings=POSITIONS, pad_token_id=1, **SIZES))
    n_tokens = max_tokens(model)
    assert model(torch.full((1, n_tokens), 5)).last_hidden_state.isfinite().all()
    with pytest.raises((IndexError, RuntimeError)):
        model(torch.full((1, n_tokens + 1), 5))


def test_the_version_of_a_folder_is_that_of_its_files(tmp_path):
    folder = write_tiny_encoder(tmp_path / "tiny", ["a"])
    version = pretrained_version(folder)
    copy = shutil.copytree(folder, tmp_path / "copy")
    assert pretrained_version(str(copy)) == version
    (copy / "config.json").write_text("{}")
    assert pretrained_version(str(copy)) != version
    assert shown_name(f"{folder}/") == "tiny" and shown_name("openai/gpt2") == "openai/gpt2"


def test_the_version_on_the_hub_is_a_commit(monkeypatch):
    resolved = type("Resolved", (str,), {"resolved": 40 * "c"})
    monkeypatch.setattr(pretrained_models, "resolve_revision", lambda name, given: resolved("main"))
    assert pretrained_version("openai/gpt2") == 40 * "c"
    monkeypatch.setattr(pretrained_models, "resolve_revision", lambda name, given: given)
    with pytest.raises(ParameterError, match=r"gpt2 at v1 is no folder, and not found on the hub"):
        pretrained_version("openai/gpt2", "v1")


@pytest.mark.parametrize("error", [OSError, ValueError, KeyError])
def test_what_cannot_be_loaded_is_said_with_the_reason_on_one_line(error):
    message = r"the model 'x' cannot be loaded .*no\b.*file.* Do y"
    with pytest.raises(ParameterError, match=message), loading("the model 'x'", "Do y"):
        raise error("no\n  file")
