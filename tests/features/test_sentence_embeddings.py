from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from wholescript.errors import DataError, ParameterError
from wholescript.features.encoder_config import encoder_tokenizer
from wholescript.features.pretrained_encoders import MeanPooledEncoder, load_encoder
from wholescript.features.sentence_embeddings import (
    SentenceEmbeddingConfig,
    count_encoder_parameters,
    embed_sentences,
    embedding_cache_key,
    encode_texts,
)

pytestmark = pytest.mark.usefixtures("encoder_packages")

TEXTS = [
    "Where is my parcel?",
    "The kettle was still warm when the inspector came back into the kitchen.",
    "Rain.",
    "Nobody on the quay could say which of the two boats had left first, or why.",
    "Please cancel the order that I placed this morning",
]
QUICK = SentenceEmbeddingConfig(n_layer=1, engine="torch", precision="float32")


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(1, "torch", "float32")


def mean_hidden_states(encoder, text, special=True):
    ids = np.array([encoder_tokenizer().encode(text, add_special_tokens=special).ids])
    return encoder.encode(ids, np.ones_like(ids))[0]


def normalize(vector):
    return vector / np.linalg.norm(vector)


def test_vector_is_the_normalized_mean_over_hidden_states(encoder):
    found = encode_texts(TEXTS, encoder)
    expected = np.stack([normalize(mean_hidden_states(encoder, text)) for text in TEXTS])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_vectors_do_not_depend_on_the_other_texts(encoder):
    order = [3, 1, 4, 0, 2]
    found = encode_texts(TEXTS, encoder)
    np.testing.assert_allclose(
        encode_texts([TEXTS[row] for row in order], encoder), found[order], atol=1e-5
    )
    many = [text for text in TEXTS for _ in range(60)]  # more than a batch
    np.testing.assert_allclose(encode_texts(many, encoder)[::60], found, atol=1e-5)


def test_long_text_is_the_weighted_mean_of_its_pieces(encoder):
    sentence = "the old mill by the river ground no more corn that year"  # one token per word
    text = " ".join((sentence.split() * 4)[:41])
    sums = np.zeros(384)
    for start, end in ((0, 9), (9, 17), (17, 25), (25, 33), (33, 41)):
        piece = " ".join(text.split()[start:end])
        sums += mean_hidden_states(encoder, piece) * (end - start + 2)
    found = encode_texts([*TEXTS, text], encoder, 12)[-1]
    np.testing.assert_allclose(found, normalize(sums), atol=1e-5)


def test_last_word_of_a_long_text_changes_its_vector(encoder):
    text = "word " * 1_200
    found = encode_texts([text + "rain", text + "snow"], encoder)
    assert np.abs(found[0] - found[1]).max() > 1e-4


def test_text_without_tokens_has_a_vector(encoder):
    invisible = "\u200b"  # not white space in Python, but no token of the encoder
    assert encoder_tokenizer().encode(invisible, add_special_tokens=False).ids == []
    assert np.isfinite(encode_texts([invisible], encoder)).all()


def test_second_call_reads_the_cache(tmp_path):
    first = embed_sentences(TEXTS, QUICK, cache=tmp_path, progress=False)
    (path,) = tmp_path.iterdir()
    assert path.name == f"{embedding_cache_key(TEXTS, QUICK)}.safetensors"
    stored = load_file(path)["vectors"]
    assert stored.dtype == np.float16
    np.testing.assert_array_equal(first, stored.astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), 1, atol=1e-3)
    save_file({"vectors": stored + np.float16(1)}, path)  # to detect that the file is read
    again = embed_sentences(TEXTS, QUICK, cache=tmp_path, progress=False)
    np.testing.assert_array_equal(again, (stored + np.float16(1)).astype(np.float32))


def test_damaged_cache_file_is_written_again(tmp_path):
    first = embed_sentences(TEXTS, QUICK, cache=tmp_path, progress=False)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_array_equal(
        embed_sentences(TEXTS, QUICK, cache=tmp_path, progress=False), first
    )
    assert len(load_file(path)["vectors"]) == len(TEXTS)


def test_key_depends_on_texts_order_division_and_settings():
    keys = {
        embedding_cache_key(texts, settings)
        for texts, settings in (
            (["ab", "c"], QUICK),
            (["c", "ab"], QUICK),
            (["a", "bc"], QUICK),
            (["abc"], QUICK),
            (["ab", "c"], replace(QUICK, engine="openvino")),
            (["ab", "c"], replace(QUICK, max_tokens=100)),
            (["ab", "c"], replace(QUICK, n_layer=2)),
        )
    }
    assert len(keys) == 7
    # The names in the keys of existing caches.
    assert QUICK.to_json() == (
        '{"engine": "torch", "layers": 1, "max_tokens": 512, "precision": "float32"}'
    )


def test_progress_bar_counts_texts(tmp_path, capsys):
    embed_sentences(TEXTS, QUICK, cache=tmp_path, progress=True)
    output = capsys.readouterr().err
    assert f"{len(TEXTS)}/{len(TEXTS)}" in output
    assert "text/s" in output


def test_empty_text_is_an_error(tmp_path):
    with pytest.raises(DataError, match="row 1"):
        embed_sentences(["a", ""], QUICK, cache=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("length", [2, 513])
def test_invalid_max_tokens_is_an_error(length):
    with pytest.raises(
        ParameterError,
        match=f"max_tokens={length} must be a whole number, at least 3 and at most 512",
    ):
        SentenceEmbeddingConfig(max_tokens=length)


@pytest.mark.parametrize("n_layer", [1, 6])
def test_parameter_count_is_that_of_the_used_layers(n_layer):
    parameters = MeanPooledEncoder(n_layer).parameters()
    assert count_encoder_parameters(n_layer) == sum(p.numel() for p in parameters)
