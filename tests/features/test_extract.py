import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from transformers import BertConfig, BertModel

from tests.features import interrupted_extract
from tests.features.scripts import QUICK, script
from wholescript.errors import ParameterError
from wholescript.features import extract
from wholescript.features.bundle import read_manifest
from wholescript.features.chunks import Chunking
from wholescript.features.encoder_config import (
    MINILM,
    PACKAGED_ENCODERS,
    PackagedEncoder,
    encoder_tokenizer,
)
from wholescript.features.extract import (
    FeatureConfig,
    FilmExtractor,
    encode_script,
    extract_film,
    extract_records,
    load_record,
    record_path,
    save_record,
    sha1_of,
)
from wholescript.features.pretrained_encoders import load_encoder
from wholescript.features.sentence_embeddings import encode_texts
from wholescript.files import ROOT

pytestmark = pytest.mark.usefixtures("encoder_packages")
CHUNKING = Chunking(40)


@pytest.fixture(scope="module")
def encoder():
    return load_encoder(1, "torch", "float32")


def assert_same(found, expected):
    assert found.word_counts.vocabulary == expected.word_counts.vocabulary
    assert (found.n_gpt2_tokens, found.n_wordpiece_tokens) == (
        expected.n_gpt2_tokens,
        expected.n_wordpiece_tokens,
    )
    for name in ("layout", "chunks"):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    np.testing.assert_array_equal(found.word_counts.counts, expected.word_counts.counts)


def test_chunk_vectors_do_not_depend_on_the_batch(encoder):
    text = script(1, 150)
    vectors, tokens = encode_script(text, encoder, CHUNKING)
    ids = np.array(encoder_tokenizer().encode(text, add_special_tokens=False).ids)
    assert tokens == len(ids)
    assert vectors.shape == (-(-tokens // 40), MINILM.d_model)
    for vector, piece in zip(vectors, CHUNKING.split(ids), strict=True):
        row = np.array([[101, *piece, 102]])
        alone = encoder.encode(row, np.ones_like(row))[0]
        np.testing.assert_allclose(vector, alone, atol=2e-3)


def test_texts_of_one_chunk_and_of_100_000_tokens(encoder):
    sentence = "The ferry is late and the harbour sleeps. "
    short, tokens = encode_script(sentence, encoder, Chunking())
    assert short.shape == (1, MINILM.d_model)
    long, long_tokens = encode_script(sentence * (100_000 // tokens), encoder, Chunking())
    assert long_tokens > 99_000
    assert long.shape == (-(-long_tokens // 254), MINILM.d_model)
    assert np.isfinite(long).all()


def test_empty_text_has_one_chunk_without_tokens(encoder):
    record = extract_film("", encoder, CHUNKING)
    assert record.n_gpt2_tokens == record.n_wordpiece_tokens == 0
    assert record.word_counts.vocabulary == []
    assert record.chunks.shape == (1, MINILM.d_model)
    assert np.isfinite(record.chunks).all()


@pytest.mark.parametrize("text", ["", "Caf\u00e9, \u00e0 bient\u00f4t! \U0001f3ac"])
def test_record_is_read_back(tmp_path, encoder, text):
    record = extract_film(text, encoder, CHUNKING)
    first, second = record_path(tmp_path, "a/b: \u00fc"), tmp_path / "again"
    save_record(first, record, sha1_of(text))
    save_record(second, record, sha1_of(text))
    assert first.parent == tmp_path
    assert first.read_bytes() == second.read_bytes()
    found = load_record(first, sha1_of(text))
    assert found is not None
    assert_same(found, record)


@pytest.mark.parametrize("share", [0, 0.001, 0.5, 0.99])
def test_truncated_record_is_not_loaded(tmp_path, encoder, share):
    path = tmp_path / "film.safetensors"
    save_record(path, extract_film("a short text", encoder, CHUNKING), "1")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    assert load_record(path, "1") is None


def test_record_of_another_text_is_not_loaded(tmp_path, encoder):
    path = tmp_path / "film.safetensors"
    save_record(path, extract_film("a short text", encoder, CHUNKING), "1")
    assert load_record(path, "2") is None
    assert load_record(tmp_path / "absent", "1") is None


def test_only_missing_damaged_and_changed_films_are_extracted(tmp_path):
    texts = {f"film{number}": script(number, 60) for number in range(4)}
    first = extract_records(texts.items(), tmp_path, QUICK, workers=1, progress=False)
    assert first == {film_id: sha1_of(text) for film_id, text in texts.items()}
    paths = [record_path(tmp_path, film_id) for film_id in texts]
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in paths]

    paths[1].write_bytes(before[1][0][:100])
    texts["film2"] = script(9, 60)
    paths[3].unlink()
    second = extract_records(texts.items(), tmp_path, QUICK, workers=1, progress=False)

    assert (paths[0].read_bytes(), paths[0].stat().st_mtime_ns) == before[0]
    assert paths[1].read_bytes() == before[1][0]
    assert paths[3].read_bytes() == before[3][0]
    changed = load_record(paths[2], second["film2"])
    assert changed is not None
    assert second["film2"] == sha1_of(texts["film2"]) != first["film2"]


def test_no_worker_is_started_if_all_records_exist(tmp_path, encoder, monkeypatch):
    save_record(record_path(tmp_path, "a"), extract_film("b", encoder, CHUNKING), sha1_of("b"))
    monkeypatch.setattr(extract.ProcessPoolExecutor, "submit", None)
    assert extract_records([("a", "b")], tmp_path, QUICK, progress=False) == {"a": sha1_of("b")}


def test_error_in_a_worker_is_raised(tmp_path):
    settings = replace(QUICK, n_layer=9)
    with pytest.raises(ParameterError, match="n_layer=9"):
        extract_records([("a", "text")], tmp_path, settings, workers=1, progress=False)


def test_killed_extraction_ends_its_workers_and_can_be_continued(tmp_path):
    killed, complete = tmp_path / "killed", tmp_path / "complete"
    command = [sys.executable, "-m", interrupted_extract.__name__, str(killed)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        last = record_path(killed, f"film{interrupted_extract.N_BEFORE_KILL - 1}")
        wait_until(lambda: last.exists() or child.poll() is not None)
        workers = descendants(child.pid)
        assert child.poll() is None
        child.send_signal(signal.SIGKILL)
    assert workers
    wait_until(lambda: not any(alive(pid) for pid in workers))
    cached = {path.name: path.stat().st_mtime_ns for path in killed.glob("film*")}
    assert len(cached) == interrupted_extract.N_BEFORE_KILL

    assert interrupted_extract.run(killed) == interrupted_extract.run(complete)
    assert len(list(complete.iterdir())) == interrupted_extract.N_FILMS
    for path in complete.iterdir():
        assert (killed / path.name).read_bytes() == path.read_bytes()
    for name, written in cached.items():
        assert (killed / name).stat().st_mtime_ns == written


def test_key_depends_on_the_settings():
    assert QUICK.key == replace(QUICK).key
    assert QUICK.key != replace(QUICK, chunk_length=41).key
    # The key of existing caches.
    assert FeatureConfig(engine="torch", precision="float32").key == "6caa48eeda5f"
    settings = read_manifest(ROOT / "data" / "screenplays")["settings"]
    stored = FeatureConfig(engine=settings["engine"], precision=settings["precision"])
    assert list(stored.as_dict().items()) == list(settings.items())
    resolved = FeatureConfig().resolved()
    assert "auto" not in (resolved.engine, resolved.precision)
    assert resolved.resolved() == resolved


def test_another_packaged_encoder_is_one_entry(tmp_path, monkeypatch):
    folder = tmp_path / "tiny_encoder_package" / "weights"
    config = BertConfig(
        vocab_size=30_522,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    BertModel(config).save_pretrained(folder)
    shutil.copy(MINILM.folder / "tokenizer.json", folder)
    monkeypatch.syspath_prepend(tmp_path)
    entry = PackagedEncoder("tiny_encoder_package", "weights", d_model=16, max_positions=512)
    monkeypatch.setitem(PACKAGED_ENCODERS, "tiny", entry)
    settings = replace(QUICK, encoder="tiny")
    assert settings.as_dict()["encoder"] == "tiny"
    assert settings.key != QUICK.key
    record = FilmExtractor(settings)(script(1, 150))
    assert record.chunks.shape[1] == 16
    assert len(record.chunks) == -(-record.n_wordpiece_tokens // QUICK.chunk_length)
    means = encode_texts(["a short text"], load_encoder(1, "torch", "float32", "tiny"))
    assert means.shape == (1, 16)


def test_unknown_encoder_is_an_error():
    with pytest.raises(ParameterError, match="no encoder 'minilmm'; did you mean 'minilm'"):
        FilmExtractor(replace(QUICK, encoder="minilmm"))("text")


def wait_until(condition, seconds=600):
    for _ in range(seconds * 20):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"timeout after {seconds} seconds")


def descendants(pid):
    """Return the process ids of all descendants, from /proc."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    direct = [int(child) for child in found.read_text().split()] if found.exists() else []
    return [*direct, *(below for child in direct for below in descendants(child))]


def alive(pid):
    """Return whether a process runs; a zombie does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
