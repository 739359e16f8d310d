import pytest
import torch

from tests.experiments.documents.questions import prepare_questions
from wholescript.experiments.store import RunStore
from wholescript.experiments.workspace import Workspace
from wholescript.project import Project


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Use one thread: for models this small, a second thread costs time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return prepare_questions(tmp_path_factory.mktemp("own"))


@pytest.fixture
def workspace(tmp_path):
    return Workspace(Project(tmp_path), RunStore(tmp_path / "runs"))
