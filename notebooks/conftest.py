"""How `pytest --nbval notebooks/` executes and compares the notebooks."""

import pytest
from nbval.plugin import IPyNbFile


def pytest_configure(config: pytest.Config) -> None:
    """Execute with the running Python, whatever kernels the user has registered."""
    if not config.option.nbval_kernel_name:
        config.option.nbval_current_env = True


def pytest_collectstart(collector: pytest.Collector) -> None:
    """Compare no stderr: notebooks are stored without warnings and progress bars."""
    if isinstance(collector, IPyNbFile):
        collector.skip_compare += ("stderr",)
