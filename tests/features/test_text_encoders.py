import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer, T5Config

from tests.features.tiny_encoders import POSITIONS, write_tiny_encoder
from wholescript.data.films import ScreenplayTexts
from wholescript.errors import ParameterError
from wholescript.features import pretrained_models, text_encoders
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.features.text_encoders import (
    E5,
    E5_REVISION,
    TextEncoderConfig,
    check_encoder,
    embed_fields,
    encoder_identity,
    load_text_encoder,
)

WORDS = [f"w{chr(97 + i)}{chr(97 + j)}" for i in range(10) for j in range(10)]
LONG = " ".join(WORDS[:50])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_tiny_encoder(tmp_path_factory.mktemp("encoders") / "tiny", WORDS)


def config(folder: str, **options: object) -> TextEncoderConfig:
    return TextEncoderConfig(**({"encoder": folder, "chunk_overlap": 0} | options))  # type: ignore[arg-type]


def texts_of(texts: list[str]) -> ScreenplayTexts:
    rows = {f"tt{row}": row for row in range(len(texts))}
    return ScreenplayTexts(rows, lambda row: texts[row].encode())


def reference(folder: str, text: str) -> np.ndarray:
    """The mean over the hidden states of a text as the tokenizer encodes it, of length 1."""
    with quiet_loading():
        model, tokenizer = AutoModel.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        batch = tokenizer(text, return_tensors="pt")
        states = model.eval()(**batch).last_hidden_state[0]
    mean = states.mean(0).numpy()
    return np.asarray(mean / np.linalg.norm(mean))


@pytest.mark.parametrize("prefix", ["query: ", "passage: ", ""])
def test_a_short_text_is_encoded_with_its_prefix_and_special_tokens(
    folder: str, prefix: str
) -> None:
    text = " ".join(WORDS[3:9])
    encoder = load_text_encoder(config(folder, prefix=prefix))
    expected = reference(folder, prefix + text)
    np.testing.assert_allclose(encoder.embed(text), expected, atol=1e-5)


def test_prefixes_give_other_vectors(folder: str) -> None:
    found = [
        load_text_encoder(config(folder, prefix=prefix)).embed(WORDS[0])
        for prefix in ("query: ", "passage: ", "")
    ]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(found[first] - found[second]).max() > 1e-3


def test_each_chunk_has_the_prefix_and_the_overlap(folder: str) -> None:
    room, overlap = POSITIONS - 4, 6  # query, :, [CLS] and [SEP]
    encoder = load_text_encoder(config(folder, chunk_overlap=overlap))
    words = LONG.split()
    pieces = [" ".join(words[start : start + room]) for start in (0, 14, 28)]
    pieces.append(" ".join(words[42:]))
    expected = np.stack([reference(folder, f"query: {piece}") for piece in pieces])
    np.testing.assert_allclose(encoder.embed(LONG), expected.mean(0), atol=1e-5)
    np.testing.assert_allclose(encoder.embed(LONG, 2), expected[:2].mean(0), atol=1e-5)


def test_chunks_are_no_longer_than_the_encoder_takes(folder: str) -> None:
    assert load_text_encoder(config(folder, chunk_length=512)).chunking.length == POSITIONS - 4
    assert load_text_encoder(config(folder, chunk_length=10)).chunking.length == 6
    for options in ({"chunk_length": 4}, {"chunk_length": 10, "chunk_overlap": 6}):
        with pytest.raises(ParameterError, match="smaller overlap or longer chunks"):
            load_text_encoder(config(folder, **options))


def test_fields_are_side_by_side_and_cached_by_text(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fields = {"title": texts_of([WORDS[0], "", WORDS[1]]), "script": texts_of([LONG] * 3)}
    settings = config(folder)
    found = embed_fields(fields, settings, cache=tmp_path)
    assert found.values.shape == (3, 32) and found.widths == (16, 16)
    encoder = load_text_encoder(settings)
    np.testing.assert_array_equal(found.values[2, :16], encoder.embed(WORDS[1]))
    np.testing.assert_array_equal(found.values[0, 16:], encoder.embed(LONG))
    assert found.identity["fields"] == ["title", "script"]
    monkeypatch.setattr(text_encoders, "load_text_encoder", None)  # all texts are in the cache
    np.testing.assert_array_equal(
        embed_fields(fields, settings, cache=tmp_path).values, found.values
    )


def test_the_identity_has_the_weights_and_no_path_of_this_machine(
    folder: str, tmp_path: Path
) -> None:
    copy = tmp_path / "other" / "tiny"
    shutil.copytree(folder, copy)
    identity = encoder_identity(config(folder))
    assert encoder_identity(config(str(copy))) == identity
    assert identity["encoder"] == "tiny" and identity["prefix"] == "query: "
    other = write_tiny_encoder(tmp_path / "tiny", WORDS, seed=1)
    assert encoder_identity(config(other)) != identity
    assert encoder_identity(config(folder, prefix="")) != identity


class Resolved(str):
    """A revision that the hub has resolved to a commit."""

    resolved = 40 * "c"


def test_a_hub_encoder_is_loaded_at_the_commit_of_its_revision(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def from_folder(cls: type) -> object:
        def load(source: str, revision: str | None = None, **options: object) -> object:
            asked.append((source, revision))
            return cls.from_pretrained(folder, **options)

        return type(cls.__name__, (), {"from_pretrained": staticmethod(load)})

    for name in ("AutoConfig", "AutoModel", "AutoTokenizer"):
        monkeypatch.setattr(text_encoders, name, from_folder(getattr(text_encoders, name)))
    monkeypatch.setattr(pretrained_models, "resolve_revision", lambda name, given: Resolved(given))
    settings = TextEncoderConfig(revision="main", chunk_overlap=0)
    found = embed_fields({"title": texts_of([WORDS[0]])}, settings, cache=tmp_path)
    assert set(asked) == {(E5, 40 * "c")} and len(asked) == 3
    assert found.identity["encoder"] == E5 and found.identity["revision"] == 40 * "c"


def test_a_commit_needs_no_hub_and_a_branch_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained_models, "resolve_revision", lambda name, given: given)
    pinned = TextEncoderConfig(revision=E5_REVISION)
    assert encoder_identity(pinned)["revision"] == E5_REVISION
    for revision, shown in (("v2", "v2"), (None, "its main branch")):
        with pytest.raises(ParameterError, match=f"e5-base-v2 at {shown} is no folder, and not"):
            encoder_identity(TextEncoderConfig(revision=revision))


def test_an_encoder_that_cannot_be_loaded_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained_models, "resolve_revision", lambda name, given: given)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ParameterError, match=r"cannot be loaded.*Without a network"):
        load_text_encoder(config(str(tmp_path / "empty")))
    with pytest.raises(ParameterError, match=r"absent at its main branch is no folder.*network"):
        embed_fields({}, config(str(tmp_path / "absent")), cache=tmp_path)


def test_an_encoder_with_a_decoder_is_refused_before_its_weights_are_read(tmp_path: Path) -> None:
    T5Config(d_model=16, num_layers=1, num_heads=2, d_ff=16).save_pretrained(tmp_path)
    for refuse in (check_encoder, load_text_encoder):
        with pytest.raises(ParameterError, match=r"\(t5\) has an encoder and a decoder: choose"):
            refuse(config(str(tmp_path)))
