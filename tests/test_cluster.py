import subprocess
import sys

import pytest
from ray._common.usage.usage_lib import usage_stats_enabled

from wholescript.cluster import ray_cluster
from wholescript.errors import ParameterError, RunError
from wholescript.files import ROOT

WITHOUT_RAY = "import sys; sys.modules['ray'] = None; import wholescript.cluster"


def test_without_ray_the_error_says_how_to_get_it():
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "DependencyError: the package ray is not installed" in done.stderr
    assert "`make cluster`" in done.stderr


def test_ray_reports_nothing_home():
    assert not usage_stats_enabled()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers=0"),
        ({"workers": 2, "address": "a:1"}, "the cluster at a:1"),
        ({"address": "here"}, "'here' is not HOST:PORT"),
    ],
)
def test_what_cannot_be_started_is_named(options, message):
    with pytest.raises(ParameterError, match=message), ray_cluster(**options):
        pass


def test_nothing_at_an_address_is_an_error():
    with (
        pytest.raises(RunError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"),
        ray_cluster("127.0.0.1:9"),
    ):
        pass
