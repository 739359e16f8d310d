import numpy as np
import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from wholescript.errors import DataError, ParameterError
from wholescript.features.decoder_embeddings import (
    DecoderEmbeddingConfig,
    cache_decoder_embeddings,
    embed_chunks,
    load_decoder_embeddings,
)
from wholescript.features.pretrained_decoders import (
    PACKAGED_DECODERS,
    PretrainedLM,
    frozen_decoder,
    load_pretrained_lm,
)


class LetterTokenizer:
    """A tokenizer whose tokens are letters."""

    def encode(self, text, add_special_tokens):
        assert not add_special_tokens
        return [ord(letter) - 96 for letter in text]


@pytest.fixture
def small():
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=30, n_positions=16, n_embd=8, n_layer=2, n_head=2)
    return PretrainedLM(GPT2LMHeadModel(config).eval(), LetterTokenizer(), 0)


def test_packaged_model_predicts_a_plausible_token():
    decoder = load_pretrained_lm("smollm2")
    ids = torch.tensor([[decoder.bos_token_id, *decoder.encode("The capital of France is")]])
    with torch.inference_mode():
        most_likely = int(decoder.model(ids).logits[0, -1].argmax())
    assert decoder.tokenizer.decode([most_likely]) == " Paris"
    assert (decoder.d_model, len(decoder.layers)) == (576, 30)


def test_frozen_decoder_has_only_its_first_layers():
    decoder = frozen_decoder("smollm2", 2, torch.float32)
    ids = torch.tensor([[0, 40, 50]])
    with torch.inference_mode():
        states = load_pretrained_lm("smollm2").model(ids, output_hidden_states=True).hidden_states
        found = decoder.model.base_model(ids).last_hidden_state
        expected = decoder.model.base_model.norm(states[2])
    torch.testing.assert_close(found, expected)
    with pytest.raises(ParameterError, match="n_layer=31: smollm2 has 30 layers"):
        frozen_decoder("smollm2", 31, torch.float32)


def test_absent_model_is_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    names = ", ".join(PACKAGED_DECODERS)
    with pytest.raises(ParameterError, match=f"Without a network use {names}"):
        load_pretrained_lm(str(tmp_path / "absent"))


def test_chunk_vector_is_the_mean_over_its_tokens(small):
    vectors = embed_chunks(small, "abcdefgh", n_chunks=2, chunk_length=3)
    ids = [[0, 1, 2, 3], [0, 7, 8]]  # the first and the last of three chunks
    with torch.inference_mode():
        for vector, chunk in zip(vectors, ids, strict=True):
            states = small.model.transformer(torch.tensor([chunk])).last_hidden_state
            np.testing.assert_allclose(vector, states[0, 1:].mean(0), atol=1e-6)


def test_embeddings_are_cached_and_damaged_files_are_an_error(tmp_path, monkeypatch):
    settings = DecoderEmbeddingConfig(n_layer=1, n_chunks=2, chunk_length=8)
    scripts = [(f"sha{n}", "the night train leaves " * (n + 1)) for n in range(3)]
    cache_decoder_embeddings(scripts, settings, cache=tmp_path)
    chunks = load_decoder_embeddings(["sha2", "sha0"], settings, cache=tmp_path)
    assert chunks.counts.tolist() == [2, 1]
    assert chunks.codes.shape == (3, 576)
    before = settings.cache_path("sha1", tmp_path).stat().st_mtime_ns
    cache_decoder_embeddings(scripts, settings, cache=tmp_path)
    assert settings.cache_path("sha1", tmp_path).stat().st_mtime_ns == before
    settings.cache_path("sha0", tmp_path).write_bytes(b"cut")
    with pytest.raises(DataError, match="the smollm2 embeddings of 2 of 3 films are not"):
        load_decoder_embeddings(["sha0", "sha1", "sha9"], settings, cache=tmp_path)
