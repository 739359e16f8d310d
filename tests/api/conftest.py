import pandas as pd
import pytest

import wholescript as ws
from tests.experiments.documents.questions import write_table
from wholescript.project import ROOT_VARIABLE


@pytest.fixture(scope="module", autouse=True)
def project(tmp_path_factory):
    """An empty project, in which data sets and runs are stored."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ROOT_VARIABLE, str(root))
        yield root


@pytest.fixture(scope="module")
def table(project):
    path = write_table(project)
    return path.rename(path.with_name("my questions.v1.csv"))


@pytest.fixture(scope="module")
def questions(table):
    return ws.load_documents(table, label_column="topic", keep_columns=["sloppy"], progress=False)


@pytest.fixture(scope="module")
def model(questions):
    return ws.train("tfidf-svm", questions, progress=False)


@pytest.fixture
def rows():
    texts = ["the old ferry saw a pier", " ", "every choir under the organ"]
    return pd.DataFrame({"utterance": texts, "number": [3, 1, 2]}, index=[7, 8, 9])
