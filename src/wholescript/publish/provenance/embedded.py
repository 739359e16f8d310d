"""Provenance records embedded in PNG and SVG files, so that a saved copy keeps its record."""

import hashlib
import html
import io
import json
import re
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin, UnidentifiedImageError

from wholescript.errors import RunError

EMBED_KEY = "wholescript"
IMAGE_SUFFIXES = (".png", ".svg")
_SVG_PROVENANCE = re.compile(rf'\n?<metadata id="{EMBED_KEY}">(.*?)</metadata>', re.DOTALL)
_SVG_HEAD = re.compile(r"<svg\b[^>]*>")


def content_hash(content: bytes, suffix: str) -> str:
    """Return the SHA-256, in hex, of a file's content without its embedded provenance record.

    A PNG is hashed by its pixels, an SVG by its text without the record, other files as they are.
    `suffix` is that of the file name.
    """
    if suffix == ".png":
        with Image.open(io.BytesIO(content)) as image:
            pixels = image.convert("RGBA")  # independent of the palette order
        size = f"{pixels.mode} {pixels.size}".encode()
        return hashlib.sha256(size + pixels.tobytes()).hexdigest()
    if suffix == ".svg":
        content = _SVG_PROVENANCE.sub("", content.decode()).encode()
    return hashlib.sha256(content).hexdigest()


def embed_provenance(content: bytes, suffix: str, provenance: dict[str, Any]) -> bytes:
    """Return a PNG or SVG with this provenance record embedded; an existing one is replaced."""
    text = json.dumps(provenance, ensure_ascii=False, separators=(",", ":"))
    if suffix == ".png":
        info, packed = PngImagePlugin.PngInfo(), io.BytesIO()
        info.add_itxt(EMBED_KEY, text, zip=True)
        with Image.open(io.BytesIO(content)) as image:
            dpi = image.info.get("dpi")
            image.save(packed, "png", pnginfo=info, optimize=True, **({"dpi": dpi} if dpi else {}))
        return packed.getvalue()
    svg = _SVG_PROVENANCE.sub("", content.decode())
    head = _SVG_HEAD.search(svg)
    assert head is not None
    element = f'\n<metadata id="{EMBED_KEY}">{html.escape(text)}</metadata>'
    return (svg[: head.end()] + element + svg[head.end() :]).encode()


def read_embedded_provenance(path: Path) -> dict[str, Any] | None:
    """Return the provenance record embedded in a PNG or SVG; None if there is none.

    Raises:
        RunError: the file or its provenance record is damaged.
    """
    try:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
                text = image.info.get(EMBED_KEY)
        else:
            match = _SVG_PROVENANCE.search(path.read_text(encoding="utf-8"))
            text = html.unescape(match[1]) if match else None
        return None if text is None else dict(json.loads(text))
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise RunError(f"{path.name} is damaged or not a figure of this report: {error}") from None
