import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.features.word_vocabulary import (
    PAD_ID,
    UNK_ID,
    WordVocabulary,
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
def test_words_and_marks(text, words):
    assert tokenize_words_and_punctuation(text) == words


def test_the_most_frequent_words_have_numbers():
    ids = WordVocabulary.from_texts(["b b b a a c", "a d"], size=2)
    assert ids.words == ("a", "b")
    assert ids.vocab_size == 4
    assert ids(["a b c", "d"])[0].tolist() == [2, 3, UNK_ID]


def test_among_equals_the_alphabet_decides():
    assert (
        WordVocabulary.from_texts(["d c b a"], size=2).words
        == WordVocabulary.from_texts(["a b c d"], size=2).words
    )


def test_rare_words_have_none():
    assert WordVocabulary.from_texts(["a a b"], min_count=2).words == ("a",)


def test_a_text_without_a_word_is_one_unknown():
    (numbers,) = WordVocabulary.from_texts(["a"])(["_"])
    assert numbers.tolist() == [UNK_ID]


@given(st.lists(st.text(), min_size=1))
def test_no_number_is_out_of_range(texts):
    ids = WordVocabulary.from_texts(["some words of a text"])
    for numbers in ids(texts):
        assert numbers.dtype == np.int64
        assert ((numbers > PAD_ID) & (numbers < ids.vocab_size)).all()


def test_saved_words_are_the_same(tmp_path):
    ids = WordVocabulary.from_texts(["caf\u00e9 \u2014 ok"])
    ids.save(tmp_path / "words.json")
    assert WordVocabulary.load(tmp_path / "words.json") == ids


@pytest.mark.parametrize("content", [None, "", "3", "{"])
def test_a_damaged_file_is_an_error(tmp_path, content):
    path = tmp_path / "words.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DataError, match="no list of words"):
        WordVocabulary.load(path)


def test_nothing_to_count_is_an_error():
    with pytest.raises(DataError, match="lower min_count"):
        WordVocabulary.from_texts(["a b"], min_count=2)
    with pytest.raises(ParameterError, match="size=0"):
        WordVocabulary.from_texts(["a"], size=0)
