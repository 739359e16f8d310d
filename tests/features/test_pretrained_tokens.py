import numpy as np
import pytest

from tests.models.tiny_decoders import LANGUAGE, tokenizer
from wholescript.errors import DataError, ParameterError
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.features.pretrained_tokens import (
    cache_pretrained_tokens,
    load_pretrained_token_chunks,
)


@pytest.fixture
def folder(tmp_path):
    with quiet_loading():
        tokenizer().save_pretrained(tmp_path / "model")
    return str(tmp_path / "model")


def test_tokens_of_a_folder_are_cached_by_film(folder, tmp_path):
    cache = tmp_path / "cache"
    scripts = [("a", LANGUAGE[0]), ("b", LANGUAGE[1] * 30)]
    cache_pretrained_tokens(scripts[:1], folder, cache=cache)
    with pytest.raises(DataError, match=r"1 of 2 films .*`cache_inputs`"):
        load_pretrained_token_chunks(["a", "b"], folder, 16, cache=cache)
    cache_pretrained_tokens(scripts, folder, cache=cache)
    tokens = load_pretrained_token_chunks(["b", "a"], folder, 16, cache=cache)
    script = tokens.ids[tokens.offsets[1] :]
    assert tokenizer().decode(script.tolist()) == LANGUAGE[0]
    ids, mask = tokens.padded_chunks(0, np.array([0, tokens.counts[0] - 1]))
    # It has one special token, for the begin and the end of a text.
    assert tokens.cls_token_id == tokens.sep_token_id == tokens.pad_token_id == 0
    assert (ids[:, 0] == 0).all() and mask[0].all() and ids[0, -1] == 0


def test_tokenizers_have_folders_of_their_own(folder, tmp_path):
    other = tokenizer()
    other.add_tokens(["ferry"])
    with quiet_loading():
        other.save_pretrained(tmp_path / "other")
    for name in (folder, str(tmp_path / "other")):
        cache_pretrained_tokens([("a", LANGUAGE[0])], name, cache=tmp_path)
    lengths = [
        len(load_pretrained_token_chunks(["a"], name, 16, cache=tmp_path).ids)
        for name in (folder, str(tmp_path / "other"))
    ]
    assert len(list((tmp_path / "tokens").iterdir())) == 2
    assert lengths[0] > 0 and lengths[1] > 0


def test_unknown_name_is_refused(tmp_path):
    with pytest.raises(ParameterError, match=r"tokenizer of .*nothing.* cannot be loaded"):
        cache_pretrained_tokens([], str(tmp_path / "nothing"))
