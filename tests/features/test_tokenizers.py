import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wholescript.errors import DataError, ParameterError
from wholescript.features.tokenizers import (
    N_SPECIAL_IDS,
    UNK_ID,
    build_subword_tokenizer,
    gpt2_tokenizer,
    load_subword_tokenizer,
)

TEXTS = [
    "The lantern by the harbour wall went out.",
    "A lantern keeper walks to the harbour at dusk.",
    "Dusk on the wall; the keeper sleeps.",
]
BPE = build_subword_tokenizer("bpe", TEXTS, vocab_size=320)


def decode(tokenizer, ids):
    """Return the text of ids, without skipping special tokens."""
    return tokenizer.tokenizer.decode(
        tokenizer.kept_ids[ids - N_SPECIAL_IDS], skip_special_tokens=False
    )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_restored(text):
    (ids,) = BPE([text])
    assert ids.dtype == np.int64
    assert UNK_ID not in ids
    assert decode(BPE, ids) == text


def test_bpe_is_trained_on_the_given_texts_only():
    build_subword_tokenizer("bpe", ["zebra zebra zebra"] * 9, vocab_size=320)  # no side effect
    again = build_subword_tokenizer("bpe", TEXTS, vocab_size=320)
    assert again.tokenizer.to_str() == BPE.tokenizer.to_str()
    merged = [
        decode(again, np.array([number])) for number in range(256 + N_SPECIAL_IDS, again.vocab_size)
    ]
    assert len(merged) > 20
    assert all(any(piece in text for text in TEXTS) for piece in merged)
    seen, unseen = BPE([" lantern", " zebra"])
    assert (len(seen), len(unseen)) == (1, 6)


def test_bpe_has_at_most_vocab_size_tokens():
    small = build_subword_tokenizer("bpe", TEXTS, vocab_size=270)
    assert small.vocab_size == 270 + N_SPECIAL_IDS
    assert BPE.vocab_size <= 320 + N_SPECIAL_IDS
    assert max(ids.max() for ids in small(TEXTS)) < small.vocab_size
    with pytest.raises(ParameterError, match="vocab_size=255 must be a whole number, at least 256"):
        build_subword_tokenizer("bpe", TEXTS, vocab_size=255)


@pytest.mark.usefixtures("encoder_packages")
def test_gpt2_keeps_the_tokens_of_the_texts():
    tokenizer = build_subword_tokenizer("gpt2", TEXTS)
    gpt2_ids = [gpt2_tokenizer().encode(text).ids for text in TEXTS]
    assert tokenizer.kept_ids.tolist() == sorted({i for ids in gpt2_ids for i in ids})
    assert tokenizer.vocab_size == len(tokenizer.kept_ids) + 2
    for ids, expected in zip(tokenizer(TEXTS), gpt2_ids, strict=True):
        assert tokenizer.kept_ids[ids - N_SPECIAL_IDS].tolist() == expected
    (ids,) = tokenizer(["The lantern went zebra"])
    unseen = gpt2_tokenizer().encode("The lantern went zebra").ids
    absent = [i not in tokenizer.kept_ids for i in unseen]
    assert absent[:3] == [False] * 3 and all(absent[3:]) and len(absent) > 3
    assert (ids == UNK_ID).tolist() == absent


def test_encoding_does_not_depend_on_other_texts():
    together = BPE([*TEXTS, ""])
    for text, ids in zip([*TEXTS, ""], together, strict=True):
        np.testing.assert_array_equal(BPE([text])[0], ids)


@pytest.mark.usefixtures("encoder_packages")
@pytest.mark.parametrize("kind", ["bpe", "gpt2"])
def test_saved_tokenizer_is_read_back(tmp_path, kind):
    tokenizer = build_subword_tokenizer(kind, TEXTS, vocab_size=300)
    tokenizer.save(tmp_path / "tokenizer.json")
    again = load_subword_tokenizer(tmp_path / "tokenizer.json")
    assert again.vocab_size == tokenizer.vocab_size
    texts = [*TEXTS, "a zebra, ein Wärter, 灯台"]
    for found, expected in zip(again(texts), tokenizer(texts), strict=True):
        np.testing.assert_array_equal(found, expected)


def truncate(content):
    return content[: len(content) // 2]


def without(name):
    return lambda content: json.dumps({k: v for k, v in json.loads(content).items() if k != name})


def with_kept(kept):
    return lambda content: json.dumps({**json.loads(content), "kept": kept})


@pytest.mark.parametrize(
    "damage",
    [
        truncate,
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
def test_damaged_file_is_an_error(tmp_path, damage):
    path = tmp_path / "tokenizer.json"
    BPE.save(path)
    path.write_text(damage(path.read_text()))
    with pytest.raises(DataError, match=r"tokenizer\.json is not a valid tokenizer file"):
        load_subword_tokenizer(path)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"tokenizer\.json is not a valid tokenizer file"):
        load_subword_tokenizer(tmp_path / "tokenizer.json")


@pytest.mark.parametrize("kind", ["bpe", "gpt2"])
@pytest.mark.parametrize("texts", [[], ["", ""]])
def test_empty_texts_are_an_error(kind, texts):
    with pytest.raises(DataError, match=f"{len(texts)} were given"):
        build_subword_tokenizer(kind, texts)


def test_unknown_kind_is_an_error():
    with pytest.raises(ParameterError, match="tokenizer='wordpiece' is none of bpe, gpt2"):
        build_subword_tokenizer("wordpiece", TEXTS)
