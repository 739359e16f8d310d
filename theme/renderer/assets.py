"""Files of the site, named by their hash, so that browsers never use a stale cached copy."""

import hashlib
import re
import struct
from pathlib import Path

from .svg_safety import check_svg_safe


class Assets:
    """Collects the files that pages use; `write` writes each once."""

    def __init__(self) -> None:
        self._content: dict[str, bytes] = {}

    def add(self, content: bytes, name: str) -> str:
        """Add a file, named by `name` and its hash; return its path in the site.

        Raises UnsafeSVGError for an SVG that could run code when opened directly.
        """
        if name.endswith(".svg"):
            check_svg_safe(content)
        digest = hashlib.sha256(content).hexdigest()[:12]
        stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(name).stem).strip("-") or "file"
        path = f"assets/{stem}.{digest}{Path(name).suffix.lower()}"
        self._content[path] = content
        return path

    def write(self, directory: Path) -> None:
        """Write every file below `directory`."""
        for path, content in self._content.items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def png_size(content: bytes) -> tuple[int, int] | None:
    """Return the width and height of a PNG in pixels; None for other formats."""
    if content[:8] != b"\x89PNG\r\n\x1a\n" or len(content) < 24:
        return None
    width, height = struct.unpack(">II", content[16:24])
    return width, height
