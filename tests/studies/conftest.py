import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Use one thread: for models this small, a second thread costs time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
