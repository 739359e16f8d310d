import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from tests.features.scripts import script
from wholescript.errors import BundleError
from wholescript.features import bundle as bundle_module
from wholescript.features.bundle import read_bundle, replace_ngrams, write_bundle
from wholescript.features.layout import LAYOUT_NAMES
from wholescript.features.word_counts import WordCounts, count_words, stack_word_counts

DESCRIBED = ["films.parquet", "words.bin", "chunks.bin"]
FILES = [*DESCRIBED, "ngrams.bin"]
COUNTS = np.array([1, 7, 2, 30, 4, 1])
N = len(COUNTS)


@pytest.fixture
def films():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.random((N, len(LAYOUT_NAMES)), np.float32))
    table.columns = list(LAYOUT_NAMES)
    table.insert(0, "film_id", [f"tt{number}" for number in range(N)])
    table.insert(1, "group", ["tt0", "tt1", "tt0", "tt3", "tt4", "tt5"])
    table.insert(2, "n_gpt2_tokens", 1_000 + np.arange(N))
    return table


@pytest.fixture
def words():
    return stack_word_counts([count_words(script(number, 60)) for number in range(N)], 1)


@pytest.fixture
def vectors():
    return np.random.default_rng(1).normal(1, 2, (COUNTS.sum(), 16)).astype(np.float16)


@pytest.fixture
def ngrams():
    rows = np.random.default_rng(2).random((3, N, 4))
    return (rows @ rows.transpose(0, 2, 1)).astype(np.float16)


@pytest.fixture
def folder(tmp_path, films, words, vectors, ngrams):
    write_bundle(tmp_path / "data", films, words, vectors, COUNTS, ngrams, {"layers": 3})
    return tmp_path / "data"


def test_written_bundle_is_read_back(folder, films, words, vectors, ngrams):
    found = read_bundle(folder)
    np.testing.assert_array_equal(found.ngrams.values, ngrams)
    assert found.film_ids == films["film_id"].tolist()
    assert found.groups.tolist() == films["group"].tolist()
    assert found.n_tokens.tolist() == films["n_gpt2_tokens"].tolist()
    np.testing.assert_array_equal(found.layout, films[list(LAYOUT_NAMES)])
    assert found.word_counts.vocabulary == words.vocabulary
    for part, expected in zip(
        [*found.word_counts.quarters, found.word_counts.opening],
        [*words.quarters, words.opening],
        strict=True,
    ):
        np.testing.assert_array_equal(part.toarray(), expected.toarray())
    np.testing.assert_array_equal(found.chunks.counts, COUNTS)
    starts = np.concatenate([[0], np.cumsum(COUNTS)])
    step = found.chunks.rotation.step
    for film in range(N):
        original = vectors[starts[film] : starts[film + 1]]
        rotated = (original - found.chunks.rotation.mean) @ found.chunks.rotation.axes
        assert np.abs(found.chunks.coordinates(film) - rotated).max() <= 0.505 * step
        np.testing.assert_array_equal(
            found.chunks.coordinates(film, 3), found.chunks.coordinates(film)[:, :3]
        )


def test_manifest_gives_sizes_and_settings(folder):
    manifest = read_bundle(folder).manifest
    assert manifest["films"] == N
    assert manifest["chunks"] == COUNTS.sum()
    assert manifest["settings"] == {"layers": 3}
    for name in DESCRIBED:
        assert manifest["files"][name]["bytes"] == (folder / name).stat().st_size


def test_the_same_input_gives_the_same_bytes(tmp_path, folder, films, words, vectors, ngrams):
    write_bundle(tmp_path / "again", films, words, vectors, COUNTS, ngrams, {"layers": 3})
    for name in [*FILES, "manifest.json"]:
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()


def test_other_ngrams_change_nothing_else(folder, ngrams):
    before = read_bundle(folder)
    replace_ngrams(folder, ngrams[:, ::-1, ::-1])
    after = read_bundle(folder)
    np.testing.assert_array_equal(after.ngrams.values, ngrams[:, ::-1, ::-1])
    assert after.manifest == before.manifest
    assert after.ngrams.fingerprint != before.ngrams.fingerprint
    with pytest.raises(BundleError, match=f"{N} films"):
        replace_ngrams(folder, ngrams[:, 1:, 1:])


def test_selected_films_keep_their_ngrams(folder, ngrams):
    found = read_bundle(folder).select(["tt3", "tt0"]).ngrams
    np.testing.assert_array_equal(found.values, ngrams[:, [[3], [0]], [3, 0]])


def test_bundle_without_ngrams_is_read(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["ngrams"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    found = read_bundle(folder)
    assert found.ngrams is None and found.select(["tt1"]).ngrams is None


def test_ngrams_of_other_sizes_are_an_error(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["ngrams"]["sizes"] = [1, 2]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"n-grams of \[1, 2\] words.*data ngrams"):
        read_bundle(folder)


def test_film_without_words_and_large_vocabulary(tmp_path, films, vectors, ngrams):
    last = 70_000
    row, column = [0, 2, 2, 5], [last, 3, last, 0]
    part = csr_matrix((np.array([1, 2, 3, 65_535], np.uint16), (row, column)), (N, last + 1))
    none = csr_matrix((N, last + 1), dtype=np.uint16)
    counts = WordCounts((part, none, part, none), none, [f"w{i:06}" for i in range(last + 1)])
    write_bundle(tmp_path, films, counts, vectors, COUNTS, ngrams, {})
    found = read_bundle(tmp_path).word_counts
    assert (found.total != counts.total).nnz == 0
    assert (found.quarters[0] != part).nnz == 0
    assert found.opening.nnz == 0


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:-20]),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-1] + b"?"),
    ],
    ids=["missing", "truncated", "empty", "altered"],
)
def test_damaged_file_is_an_error(folder, name, damage):
    damage(folder / name)
    with pytest.raises(BundleError, match=name):
        read_bundle(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no features in data/"),
        ("", r"manifest\.json is damaged"),
        ('{"format": 1, "files": {', r"manifest\.json is damaged"),
        ('{"format": 2}', "format 2, this version reads 1"),
        ("[1]", "format None, this version reads 1"),
    ],
    ids=["missing", "empty", "truncated", "foreign", "not-a-manifest"],
)
def test_unusable_manifest_is_an_error(folder, content, message):
    path = folder / "manifest.json"
    if content is None:
        path.unlink()
    else:
        path.write_text(content)
    with pytest.raises(BundleError, match=message):
        read_bundle(folder)


def test_file_without_packed_tensors_is_an_error(folder):
    (folder / "words.bin").write_bytes((64).to_bytes(8, "little") + b"no zstd frame")
    manifest = json.loads((folder / "manifest.json").read_text())
    sha256 = bundle_module.sha256_of(folder / "words.bin")
    manifest["files"]["words.bin"]["sha256"] = sha256
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match=r"words\.bin cannot be read"):
        read_bundle(folder)


@pytest.mark.parametrize("unwritten", [*FILES, "manifest.json"])
def test_partial_bundle_is_never_read(
    tmp_path, films, words, vectors, ngrams, folder, monkeypatch, unwritten
):
    write = bundle_module.write_atomic

    def interrupted(path, content):
        if path.name == unwritten:
            raise KeyboardInterrupt
        write(path, content)

    monkeypatch.setattr(bundle_module, "write_atomic", interrupted)
    other = films.assign(group="g")
    for target in (tmp_path / "new", folder):
        with pytest.raises(KeyboardInterrupt):
            write_bundle(target, other, words, 2 * vectors, COUNTS, ngrams / 2, {})
    with pytest.raises(BundleError):
        read_bundle(tmp_path / "new")
    if unwritten == FILES[0]:
        assert read_bundle(folder).groups.tolist() != other["group"].tolist()
    else:
        with pytest.raises(BundleError, match="damaged"):
            read_bundle(folder)


def test_select_returns_films_in_the_given_order(folder):
    all_films = read_bundle(folder)
    some = all_films.select(["tt3", "tt0"])
    assert some.film_ids == ["tt3", "tt0"]
    assert some.n_tokens.tolist() == [1_003, 1_000]
    assert some.groups.tolist() == ["tt3", "tt0"]
    np.testing.assert_array_equal(some.chunks.coordinates(0), all_films.chunks.coordinates(3))
    np.testing.assert_array_equal(some.chunks.coordinates(1), all_films.chunks.coordinates(0))
    np.testing.assert_array_equal(
        some.word_counts.total.toarray(), all_films.word_counts.total[[3, 0]].toarray()
    )
    np.testing.assert_array_equal(some.layout, all_films.layout[[3, 0]])


def test_film_without_features_is_an_error(folder):
    with pytest.raises(BundleError, match=r"1 films have no features.*'tt9'"):
        read_bundle(folder).select(["tt0", "tt9"])
