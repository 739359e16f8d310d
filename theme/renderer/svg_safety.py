"""Check SVG files against an allow-list of elements, attributes and functions."""

import re
from xml.parsers import expat

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
# Namespaces that Matplotlib uses in <metadata>; browsers ignore them.
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
    """An SVG has content that is not allowed."""

    def __init__(self, found: str) -> None:
        super().__init__(f"unsafe SVG: '{found}' is not allowed")


def check_svg_safe(svg: bytes) -> None:
    """Reject an SVG that could run code or load a file when a browser opens it.

    Raises:
        UnsafeSVGError: `svg` is not well-formed, or has an element, attribute, URL or declaration
            that is not allowed.
    """
    parser = expat.ParserCreate("utf-8", " ")
    checker = _Checker()
    parser.XmlDeclHandler = _check_encoding
    parser.StartElementHandler = checker.start
    parser.EndElementHandler = checker.end
    parser.CharacterDataHandler = checker.text
    parser.EntityDeclHandler = lambda name, *_: _reject(f"<!ENTITY {name}")
    parser.ProcessingInstructionHandler = lambda target, _: _reject(f"<?{target}")
    try:
        parser.Parse(svg, True)
    except expat.ExpatError as error:
        raise UnsafeSVGError(str(error)) from None
    _check_style("".join(checker.style))


class _Checker:
    """Handlers of the XML parser; `style` collects the text of style sheets."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self.style: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        namespace, _, tag = name.rpartition(" ")
        in_metadata = "metadata" in self._open and namespace in _METADATA_NAMESPACES
        if not in_metadata and (namespace != _SVG or tag not in _ELEMENTS):
            _reject(f"<{tag}")
        self._open.append(tag)
        for attribute, value in attributes.items():
            _check_attribute(tag, *attribute.rpartition(" ")[::2], value, in_metadata)

    def end(self, _: str) -> None:
        self._open.pop()

    def text(self, text: str) -> None:
        if self._open[-1] == "style":
            self.style.append(text)


def _check_encoding(_: str, encoding: str | None, __: int) -> None:
    if encoding and encoding.lower() != "utf-8":
        _reject(f"encoding={encoding}")


def _check_attribute(tag: str, namespace: str, name: str, value: str, in_metadata: bool) -> None:
    if in_metadata and namespace in _METADATA_NAMESPACES:
        return
    if name.lower().startswith("on") or name in ("base", "src"):
        _reject(f"{name}=")
    if name == "href":
        if namespace not in ("", _XLINK):
            _reject(f"{name}=")
        inline = tag == "image" and _INLINE_IMAGE.fullmatch(value)
        if not inline and not value.startswith("#"):
            _reject(f"{name}={value[:40]}")
    elif name not in ("id", "class") and not name.startswith("aria-"):
        _check_style(value)


def _check_style(text: str) -> None:
    """Reject at-rules, escapes and all functions other than `url(#...)`, colours and transforms."""
    if forbidden := re.search(r"[@\\]", text):
        _reject(text[forbidden.start() :][:40])
    for function, argument in _CALL.findall(text):
        if function not in _FUNCTIONS or (function == "url" and argument != "#"):
            _reject(f"{function}({argument}")


def _reject(found: str) -> None:
    raise UnsafeSVGError(found)
