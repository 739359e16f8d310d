import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from wholescript.errors import RunError
from wholescript.publish.provenance.embedded import (
    content_hash,
    embed_provenance,
    read_embedded_provenance,
)

SVG = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="2">\n<g/></svg>'
RECORD = {"label": "fig-a", "parameters": {"title": 'é "<b>" & ]]> </metadata>'}}


def png(colour: tuple[int, int, int] = (255, 0, 0), mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (3, 2), colour).convert(mode).save(content, "png", dpi=(144, 144))
    return content.getvalue()


@pytest.mark.parametrize(("suffix", "content"), [(".png", png()), (".svg", SVG.encode())])
def test_embedded_record_is_read_back_and_keeps_the_content_hash(
    tmp_path: Path, suffix: str, content: bytes
) -> None:
    file = tmp_path / f"a{suffix}"
    file.write_bytes(embed_provenance(content, suffix, RECORD))
    assert read_embedded_provenance(file) == RECORD
    assert content_hash(file.read_bytes(), suffix) == content_hash(content, suffix)
    file.write_bytes(embed_provenance(file.read_bytes(), suffix, {"label": "fig-b"}))
    assert read_embedded_provenance(file) == {"label": "fig-b"}


def test_content_hash_depends_on_the_image() -> None:
    assert content_hash(png(), ".png") != content_hash(png((0, 0, 255)), ".png")
    assert content_hash(SVG.encode(), ".svg") != content_hash(b"<svg></svg>", ".svg")


def test_content_hash_does_not_depend_on_the_palette_order() -> None:
    assert content_hash(png(mode="P"), ".png") == content_hash(png(), ".png")
    hashes = {content_hash(_one_colour(colour), ".png") for colour in ("red", "blue")}
    assert len(hashes) == 2


def _one_colour(colour: str) -> bytes:
    """Return a PNG whose pixels all have the first colour of its palette."""
    content = io.BytesIO()
    Image.new("RGB", (3, 2), colour).quantize(1).save(content, "png")
    return content.getvalue()


@given(st.dictionaries(st.text(), st.text()))
def test_any_text_is_read_back_from_an_svg(provenance: dict[str, str]) -> None:
    content = embed_provenance(SVG.encode(), ".svg", provenance)
    assert b"<script" not in content
    assert content_hash(content, ".svg") == content_hash(SVG.encode(), ".svg")


def test_image_without_record_gives_none(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    (tmp_path / "a.svg").write_text(SVG)
    assert read_embedded_provenance(tmp_path / "a.png") is None
    assert read_embedded_provenance(tmp_path / "a.svg") is None


@pytest.mark.parametrize("content", [b"", b"no image", png()[:40]])
def test_damaged_image_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(RunError, match=r"a\.png is damaged"):
        read_embedded_provenance(tmp_path / "a.png")


def test_resolution_is_kept(tmp_path: Path) -> None:
    with Image.open(io.BytesIO(embed_provenance(png(), ".png", RECORD))) as image:
        assert round(image.info["dpi"][0]) == 144
