"""How tests are spread over processes."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="runs in one process")
def test_a_process_runs_all_tests_of_a_group(request: pytest.FixtureRequest) -> None:
    # pytest-xdist reads the group from the name of a test: without it, two processes run the
    # tests of a file, and both build the report in place.
    assert request.node.nodeid.endswith("@tests/test_groups.py")
