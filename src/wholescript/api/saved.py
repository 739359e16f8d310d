"""Saved models: a folder with model.json and weights, whose SHA-256 is checked on loading."""

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wholescript.errors import DataError, ParameterError
from wholescript.files import sha256_of, write_atomic

MODEL_FILE, WEIGHTS_FOLDER = "model.json", "weights"
FORMAT = 1


@dataclass(frozen=True)
class SavedModel:
    """What `write_saved` stored: its `kind`, `description` (JSON-able) and folder of weights."""

    kind: str
    description: dict[str, Any]
    weights: Path


def write_saved(
    folder: Path, kind: str, description: Mapping[str, Any], weights: Mapping[str, Path]
) -> None:
    """Write a model into `folder`, atomically; `weights` are files by their relative names.

    A model that was saved there before is replaced.

    Raises:
        ParameterError: `folder` has other files.
    """
    folder = folder.resolve()
    if folder.exists() and not (folder / MODEL_FILE).exists():
        if not folder.is_dir() or any(folder.iterdir()):
            raise ParameterError(f"{folder} exists and is no saved model: choose another folder")
        folder.rmdir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
    try:
        for name, path in weights.items():
            target = temporary / WEIGHTS_FOLDER / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        files = {name: sha256_of(temporary / WEIGHTS_FOLDER / name) for name in sorted(weights)}
        content = {"format": FORMAT, "kind": kind, **description, "files": files}
        write_atomic(
            temporary / MODEL_FILE, json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        )
        temporary.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.replace(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read_saved(folder: Path) -> SavedModel:
    """Read what `write_saved` wrote, after checking all files.

    Raises:
        DataError: the folder is no saved model, or one of its files is missing or altered.
    """
    path = folder / MODEL_FILE
    if not path.is_file():
        raise DataError(f"{folder} holds no saved model: it has no {MODEL_FILE}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found, files, kind = content["format"], dict(content["files"]), content["kind"]
    except (ValueError, KeyError, TypeError) as problem:
        raise DataError(
            f"{path} is damaged or no saved model ({problem!r}): save it again"
        ) from None
    if found != FORMAT or kind not in ("documents", "films"):
        raise DataError(
            f"{folder} has format {found!r} and kind {kind!r}: this version reads format {FORMAT}"
        )
    weights = folder / WEIGHTS_FOLDER
    for name, expected in files.items():
        file = weights / name
        if ".." in Path(name).parts or not file.is_file():
            raise DataError(f"{file} is missing: copy the whole folder, or save the model again")
        if sha256_of(file) != expected:
            raise DataError(f"{file} is damaged (its SHA-256 differs): save the model again")
    return SavedModel(kind, content, weights)
