"""What a newcomer and CI start with: lock files, the install, workflows, the table of a machine."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tests.shell import shell
from wholescript.cli.machine import machine_facts
from wholescript.files import ROOT
from wholescript.training.hardware import Machine

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def script(path: str):
    """Import a script that is not in the package."""
    spec = importlib.util.spec_from_file_location(Path(path).stem, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOCK, INSTALL, LINKS = map(script, ("setup/lock.py", "setup/install.py", ".github/links.py"))


def pins(*names: str) -> dict[str, str]:
    texts = ((ROOT / name).read_text(encoding="utf-8") for name in names)
    return {name: version for text in texts for name, version in LOCK.read_pins(text).items()}


def required(dependencies: list[str]) -> dict[str, SpecifierSet]:
    """Return the versions of each dependency that are asked for, by name."""
    found = map(Requirement, dependencies)
    return {LOCK.canonical(requirement.name): requirement.specifier for requirement in found}


def test_lock_files_pin_what_pyproject_asks_for() -> None:
    run = pins("requirements.lock", LOCK.TORCH)
    test = pins("requirements-test.lock")
    for asked, pinned in (
        (required(PROJECT["dependencies"]), run),
        (required(PROJECT["optional-dependencies"]["dev"]), run | test),
    ):
        assert {n for n, versions in asked.items() if pinned.get(n, "0") not in versions} == set()
    assert run.keys() & test.keys() == set()
    assert {"pytest", "playwright", "mypy", "ruff", "nbval", "hypothesis"} <= test.keys()


@pytest.mark.parametrize("name", LOCK.LOCKS)
def test_every_pin_but_pytorch_has_hashes(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    bare = {pin for pin, block in LOCK.blocks(text).items() if "--hash=sha256:" not in block}
    assert bare == ({"torch"} if name == LOCK.TORCH else set())
    assert ("--require-hashes" in INSTALL.command(name)) == (name != LOCK.TORCH)
    assert not re.search(r"https?://|file:|/(?:home|root|work|opt|tmp)/", text)


def test_resolutions_are_split_into_lock_files() -> None:
    run = "numpy==2.4.6 \\\n    --hash=sha256:aa\ntorch==2.13.0 \\\n    --hash=sha256:bb\n"
    cuda = "nvidia-cublas==13.1 ; sys_platform == 'linux' \\\n    --hash=sha256:cc\n"
    texts = LOCK.split(run + cuda, run + cuda + "Pytest==9.2.0 \\\n    --hash=sha256:dd\n")
    assert texts == {
        "requirements.lock": "numpy==2.4.6 \\\n    --hash=sha256:aa\n",
        "requirements-test.lock": "Pytest==9.2.0 \\\n    --hash=sha256:dd\n",
        LOCK.TORCH: "torch==2.13.0\n",
    }


def test_install_shows_its_progress_and_output_only_of_a_failure(capfd) -> None:
    noisy = "print('WARNING: of pip'); raise SystemExit({})"
    INSTALL.run("packages", [sys.executable, "-c", noisy.format(0)], lambda output: "1 of 2")
    assert re.fullmatch(r"packages: done in \d+ s\n", capfd.readouterr().out)
    with pytest.raises(SystemExit, match=r"WARNING: of pip\n\npackages: pip failed"):
        INSTALL.run("packages", [sys.executable, "-c", noisy.format(1)], lambda output: "")


def test_links_of_a_site_below_a_path(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    (tmp_path / "index.html").write_text(
        "<a href='report/a.html#x'></a><a href='https://example.org/'></a><a href='#top'></a>"
    )
    page = tmp_path / "report" / "a.html"
    page.write_text("<a href='../index.html'></a><img src='data:image/png;base64,AA'>")
    assert list(LINKS.problems(tmp_path)) == []
    page.write_text("<a href='/index.html'></a><img srcset='b.png 2x'><a href='../../c.html'></a>")
    assert list(LINKS.problems(tmp_path)) == [
        "report/a.html: /index.html is not relative",
        "report/a.html: b.png is not there",
        "report/a.html: ../../c.html leaves the site",
    ]


def test_workflows_use_targets_and_files_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [path.stem for path in WORKFLOWS] == ["checks", "newest", "pages"]
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        steps = [s for job in yaml.safe_load(text)["jobs"].values() for s in job["steps"]]
        shell_text = "\n".join(step.get("run", "") for step in steps)
        for targets in re.findall(r"\bmake ((?:[a-z]+ ?)+)", shell_text):
            for target in targets.split():
                assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{path}: {target}"
        for file in re.findall(r"python (\S+\.py)", shell_text):
            assert (ROOT / file).is_file()
        assert all("shell" in step or "bash" in text for step in steps)
        for run in (step["run"] for step in steps if "run" in step):
            without = re.sub(r"\$\{\{.*?\}\}", "x", run)
            assert subprocess.run(["bash", "-n", "-c", without], check=False).returncode == 0


def test_pythons_of_ci_and_of_other_environments_are_supported() -> None:
    checks = yaml.safe_load((ROOT / ".github/workflows/checks.yml").read_text())
    allowed = SpecifierSet(PROJECT["requires-python"])
    supported = [f"3.{minor}" for minor in range(9, 20) if f"3.{minor}.99" in allowed]
    assert checks["jobs"]["test"]["strategy"]["matrix"]["python"] == supported
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^PYTHONS := (.*)$", makefile, re.MULTILINE)[1].split() == [
        f"python{version}" for version in reversed(supported)
    ]
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["updateContentCommand"] == "make site"
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    # pip refuses PyTorch, which has no hashes, in one file with packages that have some.
    assert yaml.safe_load(conda)["dependencies"] == [
        f"python={supported[-1]}",
        "pip",
        "git",
        "make",
    ]
    assert f"setup/install.py requirements.lock {LOCK.TORCH}" in conda


def test_changelog_begins_with_the_coming_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", text, re.MULTILINE)
    assert PROJECT["version"] in versions
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= {
        *("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"),
    }


def test_absent_parts_of_a_machine_have_a_cost(tmp_path: Path) -> None:
    bare = machine_facts(Machine(), tmp_path, lambda name: False, lambda name: "")
    absent = {fact.name: fact.without for fact in bare if not fact.found}
    assert {"GPU", "bfloat16", "encoder", "Ray", "Chromium", "Node.js", "git"} <= absent.keys()
    assert "" not in absent.values() and "make encoder" in absent["encoder"]
    gpu = Machine(cuda="H200", cuda_bfloat16=True, cpu_bfloat16=False)
    full = machine_facts(gpu, tmp_path, lambda name: True, lambda name: f"/bin/{name}")
    found = {fact.name: fact for fact in full}
    assert found["GPU"] == ("GPU", "H200", "") and found["bfloat16"].found == "in hardware"
    assert found["Chromium"] == ("Chromium", "/bin/chromium", "")


def test_status_prints_the_machine() -> None:
    result = shell(["status", "--machine"])
    assert result.exit_code == 0 and "what its absence costs" in result.stdout
    assert re.search(r"cores +│ \d+", result.stdout)
