"""An SVG drawing of boxes, arrows and text, in the colours of the figures.

Colours are presentation attributes, so that the file can be viewed on its own; the style sheet of
the site overrides them by class, for light and for dark pages. A part of the drawing can name its
source, `module:name`: the site makes a link of it.
"""

from collections.abc import Sequence
from functools import cache
from typing import Literal
from xml.etree import ElementTree as ET

import seaborn as sns
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from wholescript.errors import RunError
from wholescript.plots.style import DARK_BACKGROUND

Colour = Literal["neutral", "blue", "orange", "green"]
Anchor = Literal["start", "middle", "end"]
Style = Literal["pale", "outlined", "dashed", "solid"]
Point = tuple[float, float]

WIDTH = 360  # user units: CSS pixels on a phone
TITLE, NAME, NOTE = 14.0, 13.0, 11.5  # sizes of text
LINE_HEIGHT = 1.3
PADDING = 6.0
ARROW = 6.0  # length of an arrowhead; its half width is half of it
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
INK, SOFT, PAPER = DARK_BACKGROUND, "#565d66", "#fffffe"
PALETTE = dict(
    zip(("blue", "orange", "green"), sns.color_palette("colorblind").as_hex(), strict=False)
)
PALETTE["neutral"] = SOFT


class Drawing:
    """A drawing of `WIDTH` x `height` user units by the function `source`; y grows downwards."""

    def __init__(self, height: float, source: str) -> None:
        self._root = ET.Element(
            "svg",
            {
                "xmlns": "http://www.w3.org/2000/svg",
                "class": "diagram",
                "viewBox": f"0 0 {WIDTH} {_number(height)}",
                "font-family": FONT,
                "data-source": source,
            },
        )
        size = {"width": str(WIDTH), "height": _number(height)}
        ET.SubElement(self._root, "rect", {"class": "paper", "fill": PAPER, **size})
        self._parent = self._root

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        name: str,
        notes: Sequence[str] = (),
        *,
        colour: Colour = "neutral",
        style: Style = "outlined",
        source: str | None = None,
    ) -> None:
        """Draw a rectangle with a name and notes, centred; `source` is what it is a picture of.

        Raises:
            RunError: a text does not fit.
        """
        used = (NAME + NOTE * len(notes)) * LINE_HEIGHT
        if used > height:
            raise RunError(f"the box {name!r} needs a height of {used:.0f}, not {height:.0f}")
        self._start_part(source)
        self.rectangle(x, y, width, height, colour, style)
        line = y + (height - used) / 2
        room = width - PADDING
        for text, size, soft in [(name, NAME, False), *((note, NOTE, True) for note in notes)]:
            line += size * LINE_HEIGHT
            baseline = line - 0.3 * size
            self.text(x + width / 2, baseline, text, size=size, soft=soft, room=room)
        self._parent = self._root

    def rectangle(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        colour: Colour,
        style: Style = "outlined",
    ) -> None:
        """Draw a rectangle: pale, pale with an outline, or solid."""
        outlined = style in ("outlined", "dashed")
        attributes = {
            "class": colour + (" outlined" if outlined else ""),
            **{k: _number(v) for k, v in zip(("x", "y"), (x, y), strict=True)},
            "width": _number(width),
            "height": _number(height),
            "fill": PALETTE[colour],
            "fill-opacity": "1" if style == "solid" else "0.14",
        }
        if outlined:
            attributes |= {"rx": "3", "stroke": PALETTE[colour]}
        if style == "dashed":
            attributes["stroke-dasharray"] = "4 3"
        ET.SubElement(self._parent, "rect", attributes)

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = NOTE,
        soft: bool = False,
        bold: bool = False,
        anchor: Anchor = "middle",
        room: float | None = None,
        source: str | None = None,
    ) -> None:
        """Write a line of text with its baseline at `y`; raise RunError if it exceeds `room`."""
        left = {"start": x, "middle": min(x, WIDTH - x) * 2, "end": x}[anchor]
        room = room if room is not None else (WIDTH - x if anchor == "start" else left)
        if (needed := text_width(text, size)) > room:
            raise RunError(f"the text {text!r} needs a width of {needed:.0f}, not {room:.0f}")
        attributes = {
            "class": "soft" if soft else "ink",
            "x": _number(x),
            "y": _number(y),
            "font-size": _number(size),
            "text-anchor": anchor,
            "fill": SOFT if soft else INK,
        }
        if bold:
            attributes["font-weight"] = "bold"
        parent = self._parent
        self._start_part(source)
        ET.SubElement(self._parent, "text", attributes).text = text
        self._parent = parent

    def title(self, y: float, text: str, source: str | None = None) -> None:
        """Write the title of a part of the drawing at the left."""
        self.text(1, y, text, size=TITLE, bold=True, anchor="start", source=source)

    def arrow(self, *points: Point) -> None:
        """Draw a line through points, with an arrowhead at the last, horizontal or vertical."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = _sign(x - x0), _sign(y - y0)
        self.line(*points[:-1], (x - dx * ARROW, y - dy * ARROW))
        half = ARROW / 2
        corners = (
            (x, y),
            (x - dx * ARROW + dy * half, y - dy * ARROW + dx * half),
            (x - dx * ARROW - dy * half, y - dy * ARROW - dx * half),
        )
        ET.SubElement(
            self._parent, "polygon", {"class": "head", "points": _points(corners), "fill": SOFT}
        )

    def line(self, *points: Point) -> None:
        """Draw a line through points."""
        attributes = {"class": "line", "points": _points(points), "fill": "none", "stroke": SOFT}
        ET.SubElement(self._parent, "polyline", attributes)

    def area(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill the area inside points."""
        attributes = {"class": colour, "points": _points(points), "fill": PALETTE[colour]}
        ET.SubElement(self._parent, "polygon", attributes | {"fill-opacity": "0.4"})

    def legend(self, y: float, entries: Sequence[tuple[str, Colour, Style]]) -> None:
        """Draw a row of rectangles with their names."""
        x = 1.0
        for name, colour, style in entries:
            self.rectangle(x, y - 8, 14, 9, colour, style)
            self.text(x + 18, y, name, soft=True, anchor="start")
            x += 18 + text_width(name, NOTE) + 10

    def svg(self) -> str:
        """Return the file."""
        ET.indent(self._root)
        return ET.tostring(self._root, encoding="unicode") + "\n"

    def _start_part(self, source: str | None) -> None:
        if source:
            self._parent = ET.SubElement(self._parent, "g", {"data-source": source})


@cache
def text_width(text: str, size: float) -> float:
    """Return the width of a text in DejaVu Sans, one of the widest fonts of `FONT`'s kind."""
    path = TextPath((0, 0), text, size, prop=FontProperties(family="DejaVu Sans"))
    return float(path.get_extents().width)


def _points(points: Sequence[Point]) -> str:
    return " ".join(f"{_number(x)},{_number(y)}" for x, y in points)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
