"""Which stored runs were made by other source code than that of the tree at hand."""

from wholescript.experiments.source_code import code_fingerprint
from wholescript.experiments.store import RunStore
from wholescript.project import Project


def made_by_other_code(project: Project) -> list[str]:
    """Return the names of published runs whose source has changed since they were made, sorted.

    A run records the modules that made it and a hash of their syntax. One that names no modules,
    or modules that are gone, counts as made by other code. That is no fault of a run: only
    `wholescript notebook rerun` shows whether the tree still gives the same numbers.
    """
    store, hashes = RunStore(project.root / "results"), dict[tuple[str, ...], str]()
    found = []
    for name in store.names():
        run = store.find(name)
        assert run is not None
        if run.config["experiment"] == "notebook":
            continue  # numbers of a cell are as current as their notebook
        modules = tuple(run.config.get("modules", ()))
        if modules not in hashes:
            hashes[modules] = code_fingerprint(modules, project.source)
        if not modules or run.config["code"] != hashes[modules]:
            found.append(name)
    return found
