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
TITLES = [
    f"Show HN: {text}"
    for what in WHAT
    for who in WHO
    for text in (f"a tool that counts {what}", f"why {who} counts {what}", f"{who} and {what}")
]
TRAINED = {
    kind: train_headline_tokenizer(TITLES, kind, vocab_size=400) for kind in ("bpe", "unigram")
}


@pytest.mark.parametrize("kind", TRAINED)
@given(title=st.text(min_size=1).map(str.strip).filter(bool))
def test_nothing_is_lost_of_any_title(kind, title):
    tokens = TRAINED[kind]
    (ids,) = tokens([title])
    assert ids[-1] == tokens.eos_token_id
    assert tokens.decode(ids[:-1]).removeprefix(" ") == title


@pytest.mark.parametrize("kind", TRAINED)
def test_a_title_that_reads_as_an_end_is_none(kind):
    tokens = TRAINED[kind]
    (ids,) = tokens(["What <eos> and <pad> mean"])
    assert (ids == tokens.eos_token_id).sum() == 1
    assert tokens.decode(ids[:-1]) == " What <eos> and <pad> mean"


def test_words_that_were_seen_are_few_tokens():
    seen, unseen = TRAINED["bpe"](["Show HN: a tool", "zqxj vkpw yyq kx"])
    assert len(seen) < 9 < len(unseen)
    assert TRAINED["bpe"].vocab_size <= 400


def test_unigram_keeps_likely_pieces():
    pieces = TRAINED["unigram"].tokenizer.get_vocab()
    assert len(pieces) <= 400
    assert sum(len(piece) > 2 for piece in pieces if not piece.startswith("<")) > 2


def test_a_stream_begins_with_an_end_and_has_one_a_title():
    tokens = TRAINED["bpe"]
    stream = tokens.stream(TITLES[:3])
    assert stream[0] == stream[-1] == tokens.eos_token_id
    assert (stream == tokens.eos_token_id).sum() == 4
    assert tokens.decode(stream).split("<eos>")[1:-1] == [f" {title}" for title in TITLES[:3]]


def test_what_is_saved_is_read_again(tmp_path):
    TRAINED["unigram"].save(tmp_path / "tokenizer.json")
    again = load_headline_tokenizer(tmp_path / "tokenizer.json")
    assert again(TITLES)[1].tolist() == TRAINED["unigram"](TITLES)[1].tolist()
    (tmp_path / "tokenizer.json").write_text("{")
    with pytest.raises(DataError, match="no tokenizer"):
        load_headline_tokenizer(tmp_path / "tokenizer.json")


def test_what_could_not_be_trained_is_refused():
    with pytest.raises(ParameterError, match="'words' is none of bpe, unigram"):
        train_headline_tokenizer(TITLES, "words")
    with pytest.raises(ParameterError, match="vocab_size=256"):
        train_headline_tokenizer(TITLES, vocab_size=256)
