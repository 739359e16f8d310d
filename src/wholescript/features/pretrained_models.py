"""Models of transformers by hub name or folder: loading, versions, and the longest sequence."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from transformers.utils.hub import resolve_revision

from wholescript.data.hub import COMMIT
from wholescript.errors import ParameterError
from wholescript.features.pretrained_encoders import quiet_loading
from wholescript.files import sha256_of

HASHED_FILES = ("*.json", "*.txt", "*.model", "*.safetensors", "*.bin")
FOLDER_HINT = "Without a network give a folder written by save_pretrained, with its tokenizer"


@contextmanager
def loading(what: str, hint: str = FOLDER_HINT) -> Iterator[None]:
    """Load in silence; raise ParameterError, which says `what` cannot be loaded, and `hint`."""
    with quiet_loading():
        try:
            yield
        except (OSError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())
            raise ParameterError(f"{what} cannot be loaded ({reason}). {hint}") from error


def pretrained_version(name: str, revision: str | None = None) -> str:
    """Return the commit of a model on the hub, or a hash of the files of a folder.

    Raises:
        ParameterError: the model cannot be found.
    """
    folder = Path(name)
    if folder.is_dir():
        files = sorted({path for pattern in HASHED_FILES for path in folder.glob(pattern)})
        hashes = [f"{path.name} {sha256_of(path)}" for path in files]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    found = resolve_revision(name, revision)
    version = str(getattr(found, "resolved", found))
    if not COMMIT.fullmatch(version):
        raise ParameterError(
            f"the model {name} at {revision or 'its main branch'} is no folder, and not found on "
            f"the hub. {FOLDER_HINT}"
        )
    return version


def shown_name(name: str) -> str:
    """Return a name of the hub as it is, and the last part of the path of a folder."""
    return Path(name).resolve().name if Path(name).is_dir() else name


def max_tokens(model: nn.Module) -> int | None:
    """Return how many tokens a model has positions for; None: any number.

    The positions of RoBERTa and its relatives start after that of padding, so the first rows of
    their table are not used. The weights are not read: the model may be on the device `meta`.
    """
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is None:
        return None
    offsets = [
        module.padding_idx + 1
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding)
        and "position" in name.rpartition(".")[2]
        and module.num_embeddings == positions
        and module.padding_idx is not None
    ]
    return int(positions) - max(offsets, default=0)
