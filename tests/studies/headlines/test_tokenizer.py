import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.studies.headlines.tokenizer import (
    load_headline_tokenizer,
    train_headline_tokenizer,
)

WHAT = ("whales", "bees", "bytes", "errors", "visits", "stars")
WHO = ("Google", "Apple", "startups", "developers", "Linux", "nobody")
HEADLINES = [
    f"Show HN: {text}"
    for what in WHAT
    for who in WHO
    for text in (f"a tool that counts {what}", f"why {who} counts {what}", f"{who} and {what}")
]
TOKENIZERS = {
    kind: train_headline_tokenizer(HEADLINES, kind, vocab_size=400) for kind in ("bpe", "unigram")
}


@pytest.mark.parametrize("kind", TOKENIZERS)
@given(headline=st.text(min_size=1).map(str.strip).filter(bool))
def test_any_headline_is_decoded_without_loss(kind, headline):
    tokenizer = TOKENIZERS[kind]
    (ids,) = tokenizer([headline])
    assert ids[-1] == tokenizer.eos_token_id
    assert tokenizer.decode(ids[:-1]).removeprefix(" ") == headline


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_special_tokens_in_a_headline_are_ordinary_text(kind):
    tokenizer = TOKENIZERS[kind]
    (ids,) = tokenizer(["What <eos> and <pad> mean"])
    assert (ids == tokenizer.eos_token_id).sum() == 1
    assert tokenizer.decode(ids[:-1]) == " What <eos> and <pad> mean"


def test_bpe_needs_few_tokens_for_frequent_words():
    seen, unseen = TOKENIZERS["bpe"](["Show HN: a tool", "zqxj vkpw yyq kx"])
    assert len(seen) < 9 < len(unseen)
    assert TOKENIZERS["bpe"].vocab_size <= 400


def test_unigram_has_tokens_of_several_characters():
    pieces = TOKENIZERS["unigram"].tokenizer.get_vocab()
    assert len(pieces) <= 400
    assert sum(len(piece) > 2 for piece in pieces if not piece.startswith("<")) > 2


def test_stream_starts_with_eos_and_has_one_after_each_headline():
    tokenizer = TOKENIZERS["bpe"]
    stream = tokenizer.stream(HEADLINES[:3])
    assert stream[0] == stream[-1] == tokenizer.eos_token_id
    assert (stream == tokenizer.eos_token_id).sum() == 4
    assert tokenizer.decode(stream).split("<eos>")[1:-1] == [f" {text}" for text in HEADLINES[:3]]


def test_saved_tokenizer_is_loaded(tmp_path):
    path = tmp_path / "tokenizer.json"
    TOKENIZERS["unigram"].save(path)
    loaded = load_headline_tokenizer(path)
    assert loaded(HEADLINES)[1].tolist() == TOKENIZERS["unigram"](HEADLINES)[1].tolist()
    path.write_text("{")
    with pytest.raises(DataError, match="no tokenizer"):
        load_headline_tokenizer(path)


def test_invalid_options_raise():
    with pytest.raises(ParameterError, match="'words' is none of bpe, unigram"):
        train_headline_tokenizer(HEADLINES, "words")
    with pytest.raises(ParameterError, match="vocab_size=256 must be at least 259"):
        train_headline_tokenizer(HEADLINES, vocab_size=256)
