"""Numbers that a notebook computes in its cells, stored as a run for the pages."""

from collections.abc import Mapping

from wholescript.experiments.key import RunIdentity
from wholescript.experiments.results import Metric
from wholescript.experiments.store import Run
from wholescript.experiments.workspace import current_workspace


def record_metrics(name: str, metrics: Mapping[str, Metric]) -> Run:
    """Store numbers that the notebook computed itself as the run `<group>/<name>`, for the page.

    The parameters and data of the notebook, and the runs that it read, identify them.
    """
    workspace = current_workspace()
    settings = {"notebook": workspace.name, "parameters": dict(workspace.parameters)}
    data = {"films": workspace.data, "runs": dict(sorted(workspace.used.items()))}
    identity = RunIdentity("notebook", 1, settings, data)
    stored = workspace.store.find(name, identity)
    if stored and stored.metrics == {k: Metric(**m.as_dict()) for k, m in metrics.items()}:
        return workspace.record_use(stored)
    return workspace.store.save(name, identity, metrics, metadata=workspace.metadata())
