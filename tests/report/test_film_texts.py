import pandas as pd
import pytest

from wholescript.errors import DataError, ParameterError
from wholescript.studies.screenplays.models.end_to_end_variants import end_to_end_models
from wholescript.studies.screenplays.train_end_to_end import train_end_to_end


def test_a_name_that_is_none_of_the_models_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="'thwaed' is none of pretrained, causal, thawed"):
        list(train_end_to_end(tmp_path / "films.parquet", ["thwaed"]))


def test_films_that_are_missing_are_counted(tmp_path):
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


def test_each_model_has_a_name_of_its_own():
    models = end_to_end_models()
    assert len({model.name for model in models.values()}) == len(models)
    assert len({str(model.config) for model in models.values()}) == len(models)
