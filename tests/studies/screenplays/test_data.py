import pytest

from wholescript.errors import ParameterError
from wholescript.files import ROOT
from wholescript.project import Project
from wholescript.publish.notebook import begin_notebook
from wholescript.studies.screenplays.data import open_screenplay_data


def test_other_chunk_length_needs_the_texts() -> None:
    begin_notebook("05_evaluation", {"chunk_length": 510, "scale": "smoke"}, Project(ROOT))
    with pytest.raises(ParameterError, match="bundled chunks have 254 tokens, not 510"):
        open_screenplay_data()


def test_smoke_profile_samples_films_with_their_features() -> None:
    begin_notebook("05_evaluation", {"scale": "smoke"}, Project(ROOT))
    data = open_screenplay_data()
    assert len(data.corpus) == 120 == len(data.dataset.features.chunks.counts)
    assert data.dataset.labels.sum() == data.corpus.labels.sum()
    assert {fold.repeat for fold in data.folds} == {0}
