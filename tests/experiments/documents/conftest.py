import pytest

from tests.experiments.documents.questions import prepare_questions
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.project import Project


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return prepare_questions(tmp_path_factory.mktemp("own"))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(Project(tmp_path), RunStore(tmp_path / "runs"))
