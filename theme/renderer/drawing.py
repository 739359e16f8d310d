"""SVG files that only draw: what is in one is listed, and all else is refused."""

import re
from xml.parsers import expat

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
# What Matplotlib writes into <metadata>: statements about the file, which no browser acts on.
_METADATA_NAMESPACES = {
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "http://purl.org/dc/elements/1.1/",
    "http://creativecommons.org/ns#",
}
# fmt: off
_ELEMENTS = {
    "svg", "g", "defs", "symbol", "use", "metadata", "title", "desc", "style", "path", "rect",
    "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "image", "clipPath",
    "mask", "pattern", "marker", "linearGradient", "radialGradient", "stop",
}
_FUNCTIONS = {
    "url", "rgb", "rgba", "hsl", "hsla", "matrix", "translate", "scale", "rotate", "skewX", "skewY",
}
# fmt: on
_INLINE_IMAGE = re.compile(r"data:image/(?:png|jpeg);base64,[A-Za-z0-9+/=\s]*")
_CALL = re.compile(r"([\w-]+)\(\s*[\"']?(.?)")


class UnsafeSVGError(ValueError):
    """An SVG image holds more than a drawing."""

    def __init__(self, found: str) -> None:
        super().__init__(f"an SVG image may hold drawing only, found '{found}'")


def check_svg_safe(svg: bytes) -> None:
    """Refuse an SVG that could run code or load a file when a browser opens it.

    Raises:
        ActiveImageError: `svg` is no well-formed SVG, or has an element, attribute, address or
            declaration that no plain drawing has.
    """
    parser = expat.ParserCreate("utf-8", " ")
    checker = _Checker()
    parser.XmlDeclHandler = _check_encoding
    parser.StartElementHandler = checker.start
    parser.EndElementHandler = checker.end
    parser.CharacterDataHandler = checker.text
    parser.EntityDeclHandler = lambda name, *_: _refuse(f"<!ENTITY {name}")
    parser.ProcessingInstructionHandler = lambda target, _: _refuse(f"<?{target}")
    try:
        parser.Parse(svg, True)
    except expat.ExpatError as error:
        raise UnsafeSVGError(str(error)) from None
    _check_style("".join(checker.style))


class _Checker:
    """Follows a parser through a drawing; `style` is the text of its style sheets."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self.style: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        stated = "metadata" in self._open and namespace in _METADATA_NAMESPACES
        if not stated and (namespace != _SVG or tag not in _ELEMENTS):
            _refuse(f"<{tag}")
        self._open.append(tag)
        for attribute, value in attributes.items():
            _check_attribute(tag, *attribute.rpartition(" ")[::2], value, stated)

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open[-1] == "style":
            self.style.append(text)


def _check_encoding(_: str, encoding: str | None, __: int) -> None:
    if encoding and encoding.lower() != "utf-8":
        _refuse(f"encoding={encoding}")


def _check_attribute(tag: str, namespace: str, name: str, value: str, stated: bool) -> None:
    if stated and namespace in _METADATA_NAMESPACES:
        return
    if name.lower().startswith("on") or name in ("base", "src"):
        _refuse(f"{name}=")
    if name == "href":
        if namespace not in ("", _XLINK):
            _refuse(f"{name}=")
        inline = tag == "image" and _INLINE_IMAGE.fullmatch(value)
        if not inline and not value.startswith("#"):
            _refuse(f"{name}={value[:40]}")
    elif name not in ("id", "class") and not name.startswith("aria-"):
        _check_style(value)


def _check_style(text: str) -> None:
    """Refuse at-rules, escapes, and functions that load: all but `url(#...)` and plain colours."""
    if forbidden := re.search(r"[@\\]", text):
        _refuse(text[forbidden.start() :][:40])
    for function, argument in _CALL.findall(text):
        if function not in _FUNCTIONS or (function == "url" and argument != "#"):
            _refuse(f"{function}({argument}")


def _refuse(found: str) -> None:
    raise UnsafeSVGError(found)
