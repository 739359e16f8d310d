import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from tests.models.tiny_decoders import LANGUAGE, write_tiny
from wholescript.errors import ParameterError
from wholescript.features.pretrained_decoders import load_decoder
from wholescript.models.pruning import prune_decoder, prune_tokenizer, write_decoder

TEXTS = ["the ferry left", "the old pier", "the ferry was late at noon"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("decoder"), steps=150, layers=3, tied=True)


def words_of(folder):
    return load_decoder(folder).tokenizer.backend_tokenizer


def test_tokens_that_texts_use_stay_and_any_text_can_be_read(folder):
    words = words_of(folder)
    fewer, kept = prune_tokenizer(words, TEXTS, 265)
    assert len(kept) == fewer.get_vocab_size() <= 265 < words.get_vocab_size()
    for token, number in fewer.get_vocab().items():
        assert words.token_to_id(token) == kept[number]
    for text in [*TEXTS, *LANGUAGE, "Zwölf Boxkämpfer\n\tand 3 naïve ferries"]:
        assert fewer.decode(fewer.encode(text).ids) == text
    assert fewer.encode("the").tokens == ["the"], "what stands everywhere is one token still"


def test_tokens_that_were_added_stay(folder):
    words = Tokenizer.from_str(words_of(folder).to_str())
    words.add_special_tokens(["<next>"])
    added = words.token_to_id("<next>")
    fewer, kept = prune_tokenizer(words, TEXTS, 265)
    assert kept[fewer.token_to_id("<next>")] == added
    assert fewer.encode("the pier<next>").tokens[-1] == "<next>"


def test_all_tokens_that_are_kept_read_as_before(folder):
    words = words_of(folder)
    same, kept = prune_tokenizer(words, TEXTS, words.get_vocab_size())
    for text in TEXTS:
        assert [kept[number] for number in same.encode(text).ids] == words.encode(text).ids


def test_a_short_model_foretells_much_of_what_the_whole_one_does(folder, tmp_path):
    cut = load_decoder(folder)
    del cut.blocks[1:]
    all_tokens = words_of(folder).get_vocab_size()
    short = prune_decoder(load_decoder(folder), LANGUAGE * 8, blocks=1, vocabulary=all_tokens)
    assert len(short.blocks) == 1
    assert nats(short) < 0.7 * nats(cut), "the map by least squares is worth something"
    write_decoder(short, tmp_path / "short")
    again = load_decoder(str(tmp_path / "short"))
    assert again.bos_token_id == short.bos_token_id
    assert nats(again) == pytest.approx(nats(short), abs=1e-5)


@torch.inference_mode()
def nats(decoder):
    """The mean loss a text of LANGUAGE, in nats."""
    found = []
    for text in LANGUAGE:
        ids = torch.tensor([[decoder.bos_token_id, *decoder.tokens(text)]])
        found.append(float(decoder.model(ids, labels=ids).loss) * (ids.shape[1] - 1))
    return np.mean(found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"blocks": 0}, "blocks=0: of 3 blocks 1 to 2 can be kept"),
        ({"blocks": 3}, "blocks=3"),
        ({"vocabulary": 200}, "vocabulary=200: there are .* of which 257 must stay"),
        ({"vocabulary": 301}, "vocabulary=301"),
    ],
)
def test_parts_that_are_not_there_are_refused(folder, options, message):
    with pytest.raises(ParameterError, match=message):
        prune_decoder(load_decoder(folder), TEXTS, **{"blocks": 2, "vocabulary": 270} | options)


def test_only_merged_pieces_can_be_shortened():
    with pytest.raises(ParameterError, match="the kind WordLevel cannot be shortened"):
        prune_tokenizer(Tokenizer(WordLevel({"a": 0}, "a")), TEXTS, 1)
