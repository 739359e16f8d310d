"""Entry point of the theme: mystmd calls it (`build.render`) with its content built.

mystmd sets BUILD_DIRECTORY (`_build/html`, empty) and has written its content to `_build/site`.
The whole site is rendered and checked before the first file is written: a site with an error is
not written at all, and the exit code is 1. Then the pages are indexed for search.

If WHOLESCRIPT_ARCHIVE is the name of an archive at the root of the site, each page links to it.
"""

import os
import sys
from functools import partial
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from renderer.assets import Assets
from renderer.diagnostics import Diagnostics
from renderer.markup import join_n_grams
from renderer.notebook import PageRenderer
from renderer.project import Page, Project, read_project
from renderer.search import SearchIndexError, write_search_index

THEME = Path(__file__).resolve().parent
# Only files of the site: no text of a page can style, load or run anything. The search fetches its
# index and runs it as WebAssembly.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
    )
)


def render_site(project: Project, assets: Assets, diagnostics: Diagnostics) -> dict[str, str]:
    """Return the HTML of every page by path; errors are added to `diagnostics`."""
    environment = Environment(
        loader=FileSystemLoader(THEME / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    own = [THEME / "style.css", THEME / "favicon.svg", *sorted((THEME / "scripts").glob("*.js"))]
    files = {file.name: assets.add(file.read_bytes(), file.name) for file in own}
    render_page = partial(
        template.render,
        project=project,
        files=files,
        policy=POLICY,
        citing=project.page_on_citing(),
        archive=os.environ.get("WHOLESCRIPT_ARCHIVE"),
    )
    rendered: dict[str, PageRenderer] = {}
    html = {}
    for number, page in enumerate(project.pages):
        renderer = PageRenderer(project, page, assets, diagnostics)
        rendered[page.path] = renderer
        body = renderer.render()
        written = render_page(
            page=page,
            body=body,
            headings=renderer.headings,
            downloads=downloads(project, page, assets) if page.is_notebook else {},
            services=project.publication.notebook_services(page.location),
            previous=project.pages[number - 1] if number else None,
            following=project.pages[number + 1] if number + 1 < len(project.pages) else None,
        )
        html[page.path] = join_n_grams(written)
    check_links(rendered, diagnostics)
    for path, title, body in project.sources.pages():
        html[path] = render_page(
            page=Page(title, title, path, "", "Source", {}, {"type": "root"}, {}),
            body=body,
            headings=[],
            downloads={},
            services={},
            previous=None,
            following=None,
        )
    return html


def downloads(project: Project, page: Page, assets: Assets) -> dict[str, str]:
    """Return the paths in the site of a page's notebook and its source, by file name."""
    notebook = project.root / page.location
    return {
        file.name: assets.add(file.read_bytes(), file.name)
        for file in (notebook, notebook.with_suffix(".py"))
        if file.is_file()
    }


def check_links(rendered: dict[str, PageRenderer], diagnostics: Diagnostics) -> None:
    """Report each internal link whose page or anchor does not exist."""
    for renderer in rendered.values():
        for link in renderer.links:
            target = rendered.get(link.path)
            if target is None or (link.anchor and link.anchor not in target.anchors):
                renderer.error(link.node, f"dead link: there is no {link.path}#{link.anchor}")


def main() -> int:
    """Render `_build/site` to BUILD_DIRECTORY."""
    output = Path(os.environ["BUILD_DIRECTORY"]).resolve()
    build = output.parent
    diagnostics, assets = Diagnostics(), Assets()
    project = read_project(build / "site", build.parent, diagnostics)
    html = render_site(project, assets, diagnostics)
    if diagnostics.messages:
        count = len(diagnostics.messages)
        print(f"The site has {count} error{'s' * (count > 1)}:", file=sys.stderr)
        for message in diagnostics.messages:
            print(f"  {message}", file=sys.stderr)
        return 1
    for path, text in html.items():
        target = output / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    assets.write(output)
    try:
        write_search_index(output)
    except SearchIndexError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
