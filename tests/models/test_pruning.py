import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from tests.models.tiny_decoders import LANGUAGE, write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_pretrained_lm
from wholescript.models.pruning import prune_decoder, prune_tokenizer, write_decoder

TEXTS = ["the ferry left", "the old pier", "the ferry was late at noon"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("decoder"), steps=150, layers=3, tied=True)


def backend_tokenizer(folder):
    return load_pretrained_lm(folder).tokenizer.backend_tokenizer


def test_used_tokens_are_kept_and_any_text_is_encoded(folder):
    tokenizer = backend_tokenizer(folder)
    pruned, kept = prune_tokenizer(tokenizer, TEXTS, 265)
    assert len(kept) == pruned.get_vocab_size() <= 265 < tokenizer.get_vocab_size()
    for token, number in pruned.get_vocab().items():
        assert tokenizer.token_to_id(token) == kept[number]
    for text in [*TEXTS, *LANGUAGE, "Zwölf Boxkämpfer\n\tand 3 naïve ferries"]:
        assert pruned.decode(pruned.encode(text).ids) == text
    assert pruned.encode("the").tokens == ["the"], "frequent tokens are not split"


def test_added_tokens_are_kept(folder):
    tokenizer = Tokenizer.from_str(backend_tokenizer(folder).to_str())
    tokenizer.add_special_tokens(["<next>"])
    added = tokenizer.token_to_id("<next>")
    pruned, kept = prune_tokenizer(tokenizer, TEXTS, 265)
    assert kept[pruned.token_to_id("<next>")] == added
    assert pruned.encode("the pier<next>").tokens[-1] == "<next>"


def test_full_vocabulary_encodes_as_before(folder):
    tokenizer = backend_tokenizer(folder)
    same, kept = prune_tokenizer(tokenizer, TEXTS, tokenizer.get_vocab_size())
    for text in TEXTS:
        assert [kept[number] for number in same.encode(text).ids] == tokenizer.encode(text).ids


def test_tuned_lens_lowers_the_loss_of_a_truncated_model(folder, tmp_path):
    truncated = load_pretrained_lm(folder)
    del truncated.layers[1:]
    vocab_size = backend_tokenizer(folder).get_vocab_size()
    pruned = prune_decoder(
        load_pretrained_lm(folder), LANGUAGE * 8, n_layer=1, vocab_size=vocab_size
    )
    assert len(pruned.layers) == 1
    assert nll(pruned) < 0.7 * nll(truncated)
    write_decoder(pruned, tmp_path / "pruned")
    loaded = load_pretrained_lm(str(tmp_path / "pruned"))
    assert loaded.bos_token_id == pruned.bos_token_id
    assert nll(loaded) == pytest.approx(nll(pruned), abs=1e-5)


@torch.inference_mode()
def nll(decoder):
    """The mean negative log-likelihood of a text of LANGUAGE, in nats."""
    found = []
    for text in LANGUAGE:
        ids = torch.tensor([[decoder.bos_token_id, *decoder.encode(text)]])
        found.append(float(decoder.model(ids, labels=ids).loss) * (ids.shape[1] - 1))
    return np.mean(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_layer": 0}, "n_layer=0: a model of 3 layers can keep 1 to 2"),
        ({"n_layer": 3}, "n_layer=3"),
        ({"vocab_size": 200}, "vocab_size=200 must be above 257"),
        ({"vocab_size": 301}, "vocab_size=301"),
    ],
)
def test_invalid_sizes_are_an_error(folder, options, message):
    with pytest.raises(ParameterError, match=message):
        prune_decoder(
            load_pretrained_lm(folder), TEXTS, **{"n_layer": 2, "vocab_size": 270} | options
        )


def test_only_a_bpe_can_be_pruned():
    with pytest.raises(ParameterError, match="type WordLevel cannot be pruned"):
        prune_tokenizer(Tokenizer(WordLevel({"a": 0}, "a")), TEXTS, 1)
