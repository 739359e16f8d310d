import pandas as pd
import pytest

from wholescript.errors import DataError, ParameterError
from wholescript.studies.screenplays.models.configurations import end_to_end_models
from wholescript.studies.screenplays.train_end_to_end import train_end_to_end


def test_unknown_model_raises(tmp_path):
    with pytest.raises(
        ParameterError, match="'scratch' is none of scratch-mlm-pretrained, scratch-causal"
    ):
        list(train_end_to_end(tmp_path / "films.parquet", ["scratch"]))


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


def test_names_and_configs_are_unique():
    models = end_to_end_models()
    assert len({model.name for model in models.values()}) == len(models)
    assert len({str(model.config) for model in models.values()}) == len(models)
