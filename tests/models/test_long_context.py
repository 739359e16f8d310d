import pytest
import torch
from transformers import BartConfig, BartModel, LongformerModel
from transformers.models.longformer import modeling_longformer

from tests.models.tiny_long_context import KINDS, POSITIONS, tiny_model, write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.features.pretrained_models import max_tokens
from wholescript.models.long_context import (
    LongContextEncoder,
    longformer,
    longformer_states,
    mamba2,
    pretrained_encoder,
    pretrained_max_tokens,
)

VOCAB = 50
SMALL = {"d_model": 16, "n_head": 2, "n_layer": 2}


def small_longformer(**options):
    settings = {"d_feedforward": 24, "attention_window": 8, "max_tokens": 64, "dropout": 0.0}
    return longformer(VOCAB, **SMALL | settings | options)


def small_mamba2(**options):
    return mamba2(VOCAB, **SMALL | {"d_state": 4, "chunk_size": 8} | options)


@pytest.fixture(params=[small_longformer, small_mamba2])
def encoder(request):
    torch.manual_seed(0)
    return LongContextEncoder(request.param()).eval()


def texts(*lengths, seed=0):
    """Token ids and mask of texts with these numbers of tokens; 0 is padding."""
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    ids = torch.randint(1, VOCAB, mask.shape, generator=generator)
    return ids.masked_fill(~mask, 0), mask


def test_vector_does_not_depend_on_padding_or_batch(encoder):
    ids, mask = texts(37, 1, 16)
    batch = encoder(ids, mask)
    assert batch.shape == (3, 16) and encoder.d_model == 16
    for row, length in enumerate([37, 1, 16]):
        alone = encoder(ids[row : row + 1, :length], mask[row : row + 1, :length])
        torch.testing.assert_close(alone[0], batch[row])
    wider = [torch.nn.functional.pad(part, (0, 30)) for part in (ids, mask)]
    torch.testing.assert_close(encoder(*wider), batch)


def test_vector_depends_on_the_order_and_on_distant_tokens(encoder):
    ids, mask = texts(60)
    assert (encoder(ids, mask) - encoder(ids.flip(1), mask)).abs().max() > 1e-3
    other = ids.clone()
    other[0, -1] = ids[0, -1] % (VOCAB - 1) + 1
    assert (encoder(ids, mask) - encoder(other, mask)).abs().max() > 1e-6


def test_all_weights_of_the_first_layer_get_a_gradient(encoder):
    ids, mask = texts(37, 5)
    encoder.train()
    encoder(ids, mask)[:, ::2].square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        if "layer.0." in name or "layers.0." in name:
            assert parameter.grad.abs().max() > 0 or name.endswith("key.bias"), name


@pytest.mark.parametrize("length", [5, 8, 37])
def test_states_of_longformer_are_those_of_its_forward(length):
    torch.manual_seed(1)
    model = small_longformer().eval()
    ids, mask = texts(length, 3)
    global_mask = torch.zeros_like(ids)
    global_mask[:, 0] = 1
    with torch.no_grad():
        whole = model(ids, attention_mask=mask.long(), global_attention_mask=global_mask)
        states = longformer_states(model, mask, input_ids=ids)
    torch.testing.assert_close(states[mask], whole.last_hidden_state[mask])


def test_no_mask_of_length_by_length_is_made(monkeypatch):
    def fail(*_, **__):
        raise AssertionError("the mask of all pairs of tokens is made")

    model = small_longformer().eval()
    monkeypatch.setattr(modeling_longformer, "create_bidirectional_mask", fail)
    with pytest.raises(AssertionError, match="all pairs"):
        model(*texts(9))
    LongContextEncoder(model)(*texts(9))


def test_chunk_size_of_mamba2_changes_no_state():
    found = []
    for chunk_size in (4, 64):
        torch.manual_seed(0)
        found.append(LongContextEncoder(small_mamba2(chunk_size=chunk_size)).eval()(*texts(41, 7)))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-5)


def test_mamba2_carries_nothing_back_from_later_tokens():
    torch.manual_seed(0)
    encoder = LongContextEncoder(small_mamba2(), "last").eval()
    ids, mask = texts(30)
    early = torch.arange(30)[None] < 12
    torch.testing.assert_close(encoder(ids, early), encoder(ids[:, :12], mask[:, :12]))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: small_longformer(attention_window=7), "attention_window=7 must be even"),
        (lambda: small_longformer(n_head=3), "d_model=16 is no multiple of n_head=3"),
        (lambda: mamba2(VOCAB, d_model=5, n_head=4), r"2 x d_model=10 is no multiple of n_head=4"),
    ],
)
def test_impossible_sizes_are_refused(build, message):
    with pytest.raises(ParameterError, match=message):
        build()


@pytest.mark.parametrize("kind", KINDS)
def test_model_in_a_folder_encodes_and_is_trained(kind, tmp_path):
    encoder = pretrained_encoder(write_tiny(tmp_path, kind))
    assert encoder.pooling == ("first" if kind == "longformer" else "mean")
    ids, mask = texts(23, 9)
    ids = ids.clamp(min=2).masked_fill(~mask, 1 if kind == "longformer" else 0)
    vectors = encoder.train()(ids, mask)
    assert vectors.shape == (2, 16)
    vectors.sum().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in encoder.parameters())
    encoder.eval()
    alone = encoder(ids[1:, :9], mask[1:, :9])
    torch.testing.assert_close(alone[0], encoder(ids, mask)[1], rtol=1e-4, atol=1e-5)


def test_folder_of_longformer_has_the_weights_that_were_saved(tmp_path):
    encoder = pretrained_encoder(write_tiny(tmp_path, "longformer"))
    assert isinstance(encoder.backbone, LongformerModel) and encoder.backbone.pooler is None
    torch.manual_seed(0)
    saved = tiny_model("longformer", encoder.backbone.config.vocab_size)
    weights = saved.embeddings.word_embeddings.weight
    torch.testing.assert_close(encoder.backbone.embeddings.word_embeddings.weight, weights)


@pytest.mark.parametrize("kind", KINDS)
def test_number_of_positions(kind, tmp_path):
    expected = None if kind.startswith("mamba") else POSITIONS
    assert pretrained_max_tokens(write_tiny(tmp_path, kind)) == expected
    assert max_tokens(tiny_model(kind, VOCAB)) == expected


def test_unknown_model_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"'.*nothing' cannot be loaded .*save_pretrained"):
        pretrained_encoder(str(tmp_path / "nothing"))
    with pytest.raises(ParameterError, match="cannot be loaded"):
        pretrained_max_tokens(str(tmp_path / "nothing"))


def test_model_of_two_sequences_is_refused(tmp_path):
    config = BartConfig(
        vocab_size=VOCAB, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, max_position_embeddings=32,
    )  # fmt: skip
    with quiet_loading():
        BartModel(config).save_pretrained(tmp_path)
    with pytest.raises(ParameterError, match=r"\(bart\) is neither an encoder nor a decoder"):
        pretrained_encoder(str(tmp_path))
