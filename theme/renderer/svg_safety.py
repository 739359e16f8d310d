"""Check SVG files against an allow-list of elements, attributes and functions."""

import re
from xml.etree import ElementTree

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
# Declarations that add content or attributes, or that load a style sheet.
_DECLARATION = re.compile(
    r"<!(?:ENTITY|ATTLIST|ELEMENT)[^>]*|<\?(?!xml\s)[^>]*|encoding=(?![\"']utf-8)\S*", re.I
)
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
    try:
        text = svg.decode("utf-8")
        if found := _DECLARATION.search(text):
            _reject(found[0][:40])
        root = ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise UnsafeSVGError(str(error)) from None
    if root.tag != f"{{{_SVG}}}svg":
        _reject(f"<{_split(root.tag)[1]}")
    for element in root.iter():
        namespace, tag = _split(element.tag)
        if namespace in _METADATA_NAMESPACES:
            continue
        if namespace != _SVG or tag not in _ELEMENTS:
            _reject(f"<{tag}")
        for name, value in element.items():
            _check_attribute(tag, *_split(name), value)
        if tag == "style":
            _check_style("".join(element.itertext()))


def _split(name: str) -> tuple[str, str]:
    """Return the namespace and the local part of a name."""
    namespace, _, local = name.lstrip("{").rpartition("}")
    return namespace, local


def _check_attribute(tag: str, namespace: str, name: str, value: str) -> None:
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
