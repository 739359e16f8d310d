"""Source pages: the modules that diagrams link to, highlighted, with an anchor for each line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markupsafe import Markup

import wholescript
from wholescript.publish.source_lines import find_source, module_path

from . import markup

PACKAGES = Path(wholescript.__file__).resolve().parents[1]


@dataclass
class SourcePages:
    """The modules that pages link to; `repository` is the address of the project's, if any."""

    repository: str = ""
    _modules: set[str] = field(default_factory=set)

    def link(self, reference: str) -> tuple[str, str]:
        """Return the path in the site, with an anchor, and the title of `module:name`.

        Raises:
            RunError: there is no such module or name.
        """
        found = find_source(reference, PACKAGES)
        self._modules.add(found.module)
        title = f"{found.name}, line {found.line} of {found.module}"
        return f"{self._path(found.module)}#L{found.line}", title

    def pages(self) -> Iterator[tuple[str, str, Markup]]:
        """Yield path, title and HTML of the page of each module that was linked to."""
        for module in sorted(self._modules):
            yield self._path(module), module, self._html(module)

    @staticmethod
    def _path(module: str) -> str:
        return f"source/{module.replace('.', '/')}.html"

    def _html(self, module: str) -> Markup:
        path = module_path(module, PACKAGES)
        name = f"src/{path.relative_to(PACKAGES).as_posix()}"
        origin = Markup("Source file <code>{}</code>").format(name)
        if self.repository:
            address = f"{self.repository.rstrip('/')}/blob/HEAD/{name}"
            origin += Markup(', <a href="{}" rel="external">in the repository</a>').format(address)
        # Highlighting closes and opens its elements at the ends of lines.
        highlighted = markup.code(path.read_text(encoding="utf-8"), "python").split("\n")
        lines = Markup("\n").join(
            Markup('<span class="line" id="L{}">{}</span>').format(number, Markup(line))
            for number, line in enumerate(highlighted, 1)
        )
        listing = '<p class="origin">{}</p><div class="code listing"><pre tabindex="0"><code>{}'
        return Markup(f"{listing}</code></pre></div>").format(origin, lines)
