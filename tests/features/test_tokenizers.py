import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.features.gpt2_tokenizer import gpt2_tokenizer
from wholescript.features.tokenizers import (
    N_BYTES,
    N_SPECIAL_IDS,
    UNK_ID,
    build_subword_tokenizer,
    load_subword_tokenizer,
)

TEXTS = [
    "The lantern by the harbour wall went out.",
    "A lantern keeper walks to the harbour at dusk.",
    "Dusk on the wall; the keeper sleeps.",
]
BPE = build_subword_tokenizer("bpe", TEXTS, size=320)


def written(pieces, numbers):
    """What the numbers stand for."""
    return pieces.tokenizer.decode(pieces.kept[numbers - N_SPECIAL_IDS], skip_special_tokens=False)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_bytes_lose_nothing(text):
    (numbers,) = BPE([text])
    assert numbers.dtype == np.int64
    assert UNK_ID not in numbers
    assert written(BPE, numbers) == text


def test_it_is_trained_on_the_given_texts_alone():
    build_subword_tokenizer("bpe", ["zebra zebra zebra"] * 9, size=320)  # leaves nothing behind
    again = build_subword_tokenizer("bpe", TEXTS, size=320)
    assert again.tokenizer.to_str() == BPE.tokenizer.to_str()
    merged = [written(again, np.array([number])) for number in range(N_BYTES + 2, again.vocab_size)]
    assert len(merged) > 20
    assert all(any(piece in text for text in TEXTS) for piece in merged)
    learned, strange = BPE([" lantern", " zebra"])
    assert (len(learned), len(strange)) == (1, 6)


def test_it_has_at_most_so_many_tokens():
    small = build_subword_tokenizer("bpe", TEXTS, size=270)
    assert small.vocab_size == 270 + N_SPECIAL_IDS
    assert BPE.vocab_size <= 320 + N_SPECIAL_IDS
    assert max(numbers.max() for numbers in small(TEXTS)) < small.vocab_size
    with pytest.raises(ParameterError, match="vocab_size=255: the bytes alone are 256"):
        build_subword_tokenizer("bpe", TEXTS, size=255)


@pytest.mark.usefixtures("encoder_packages")
def test_gpt2_keeps_what_occurs():
    pieces = build_subword_tokenizer("gpt2", TEXTS)
    whole = [gpt2_tokenizer().encode(text).ids for text in TEXTS]
    assert pieces.kept.tolist() == sorted({number for ids in whole for number in ids})
    assert pieces.vocab_size == len(pieces.kept) + 2
    for numbers, ids in zip(pieces(TEXTS), whole, strict=True):
        assert pieces.kept[numbers - N_SPECIAL_IDS].tolist() == ids
    (numbers,) = pieces(["The lantern went zebra"])
    ids = gpt2_tokenizer().encode("The lantern went zebra").ids
    absent = [number not in pieces.kept for number in ids]
    assert absent[:3] == [False] * 3 and all(absent[3:]) and len(absent) > 3
    assert (numbers == UNK_ID).tolist() == absent


def test_a_text_alone_is_what_it_is_among_others():
    together = BPE([*TEXTS, ""])
    for text, numbers in zip([*TEXTS, ""], together, strict=True):
        np.testing.assert_array_equal(BPE([text])[0], numbers)


@pytest.mark.usefixtures("encoder_packages")
@pytest.mark.parametrize("kind", ["bpe", "gpt2"])
def test_what_is_saved_is_read_back(tmp_path, kind):
    pieces = build_subword_tokenizer(kind, TEXTS, size=300)
    pieces.save(tmp_path / "tokenizer.json")
    again = load_subword_tokenizer(tmp_path / "tokenizer.json")
    assert again.vocab_size == pieces.vocab_size
    texts = [*TEXTS, "a zebra, ein Wärter, 灯台"]
    for found, expected in zip(again(texts), pieces(texts), strict=True):
        np.testing.assert_array_equal(found, expected)


def cut(content):
    return content[: len(content) // 2]


def without(name):
    return lambda content: json.dumps({k: v for k, v in json.loads(content).items() if k != name})


def with_kept(kept):
    return lambda content: json.dumps({**json.loads(content), "kept": kept})


@pytest.mark.parametrize(
    "damage",
    [
        cut,
        without("tokenizer"),
        without("kept"),
        with_kept([]),
        with_kept([5, 3]),
        with_kept("abc"),
        lambda content: json.dumps({**json.loads(content), "tokenizer": {}}),
        lambda content: "[]",
        lambda content: "",
    ],
)
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "tokenizer.json"
    BPE.save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=r"tokenizer\.json is no tokenizer of this project"):
        load_subword_tokenizer(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"tokenizer\.json is no tokenizer of this project"):
        load_subword_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("kind", ["bpe", "gpt2"])
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_of_nothing_there_is_no_tokenizer(kind, texts):
    with pytest.raises(DataError, match=f"{len(texts)} were given"):
        build_subword_tokenizer(kind, texts)


def test_an_unknown_kind_is_named():
    with pytest.raises(ParameterError, match="tokenizer='wordpiece' is none of bpe, gpt2"):
        build_subword_tokenizer("wordpiece", TEXTS)
