import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.features.tokenizers import (
    PAD_ID,
    UNK_ID,
    WordTokenizer,
    tokenize_words_and_punctuation,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn\u2019t GOOD.<br /><br/>Is it?", ["it", "isn't", "good", ".", "is", "it", "?"]),
        ("10/10!!", ["10", "/", "10", "!", "!"]),
        ("'quoted'", ["'", "quoted", "'"]),
        ("_", []),
    ],
)
def test_words_and_punctuation(text, words):
    assert tokenize_words_and_punctuation(text) == words


def test_most_frequent_words_are_kept():
    vocabulary = WordTokenizer.from_texts(["b b b a a c", "a d"], max_words=2)
    assert vocabulary.words == ("a", "b")
    assert vocabulary.vocab_size == 4
    assert vocabulary(["a b c", "d"])[0].tolist() == [2, 3, UNK_ID]


def test_ties_are_in_alphabetical_order():
    assert (
        WordTokenizer.from_texts(["d c b a"], max_words=2).words
        == WordTokenizer.from_texts(["a b c d"], max_words=2).words
    )


def test_rare_words_are_dropped():
    assert WordTokenizer.from_texts(["a a b"], min_count=2).words == ("a",)


def test_text_without_words_is_one_unknown():
    (ids,) = WordTokenizer.from_texts(["a"])(["_"])
    assert ids.tolist() == [UNK_ID]


@given(st.lists(st.text(), min_size=1))
def test_ids_are_in_range(texts):
    vocabulary = WordTokenizer.from_texts(["some words of a text"])
    for ids in vocabulary(texts):
        assert ids.dtype == np.int64
        assert ((ids > PAD_ID) & (ids < vocabulary.vocab_size)).all()


def test_saved_vocabulary_is_read_back(tmp_path):
    vocabulary = WordTokenizer.from_texts(["caf\u00e9 \u2014 ok"])
    vocabulary.save(tmp_path / "words.json")
    assert WordTokenizer.load(tmp_path / "words.json") == vocabulary


@pytest.mark.parametrize("content", [None, "", "3", "{"])
def test_damaged_file_is_an_error(tmp_path, content):
    path = tmp_path / "words.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match="is not a valid vocabulary"):
        WordTokenizer.load(path)


def test_no_frequent_word_is_an_error():
    with pytest.raises(DataError, match="lower min_count"):
        WordTokenizer.from_texts(["a b"], min_count=2)
    with pytest.raises(ParameterError, match="max_words=0"):
        WordTokenizer.from_texts(["a"], max_words=0)
