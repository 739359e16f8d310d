import pandas as pd
import pytest

from wholescript.data.films import load_corpus
from wholescript.errors import DataError, ParameterError
from wholescript.studies.screenplays.models.configurations import end_to_end_models
from wholescript.studies.screenplays.train_end_to_end import match_texts, train_end_to_end


def test_unknown_model_raises(tmp_path):
    with pytest.raises(
        ParameterError, match="'scratch' is none of scratch-mlm-pretrained, scratch-causal"
    ):
        list(train_end_to_end(tmp_path / "films.parquet", ["scratch"]))


def test_unknown_pretrained_model_raises(tmp_path):
    with pytest.raises(ParameterError, match="nothing at its main branch is no folder"):
        list(train_end_to_end(tmp_path / "films.parquet", pretrained=[str(tmp_path / "nothing")]))


def test_missing_texts_are_counted(tmp_path):
    path = tmp_path / "films.parquet"
    films = {
        "film_id": ["a", "b"],
        "title": ["A", "B"],
        "year": [1999, 2001],
        "text": ["INT. HOUSE", "EXT. GARDEN"],
        "nominated_for_writing": [True, False],
    }
    pd.DataFrame(films).to_parquet(path)
    with pytest.raises(DataError, match=r"lacks the text of 1026 of 1026 bundled films"):
        list(train_end_to_end(path))


def test_texts_are_matched_by_their_content(tmp_path):
    films = pd.DataFrame(
        {
            "film_id": ["a", "b", "c"],
            "title": ["A", "B", "C"],
            "year": [1999, 2001, 2003],
            "text": ["INT. HOUSE", "EXT. GARDEN", "EXT. SEA"],
            "nominated_for_writing": [True, False, False],
        }
    )
    films.to_parquet(tmp_path / "bundled.parquet")
    films.assign(film_id=["x", "y", "z"])[::-1].to_parquet(tmp_path / "own.parquet")
    bundled, own = (
        load_corpus("local", tmp_path / f"{name}.parquet") for name in ("bundled", "own")
    )
    assert dict(match_texts(bundled, own, tmp_path)) == dict(bundled.texts)


@pytest.mark.parametrize("profile", ["smoke", "cpu"])
def test_names_and_configs_are_unique(profile):
    models = end_to_end_models(profile)
    assert len({model.name for model in models.values()}) == len(models)
    assert len({str(model.config) for model in models.values()}) == len(models)
