"""Use of the pages: colours, search, copying, printing, downloads, keyboard."""

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pypdfium2
import pytest
from bs4 import BeautifulSoup
from PIL import Image
from playwright.sync_api import expect
from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE
from renderer.assets import Assets
from renderer.base import Renderer
from renderer.diagnostics import Diagnostics

PAGES = ["index.html", "report/study.html", "notebooks/demo.html"]
LIGHT, DARK = "rgb(255, 255, 254)", "rgb(21, 24, 28)"
ARCHIVE = "whole-script.zip"
SCRIPT = "<script>alert('{}')</script>"
IMAGE = "<img src=x onerror=alert('{}')>"


def background(page) -> str:
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def insert_markup(notebook: Path) -> None:
    """Insert HTML into printed and displayed outputs of cells."""
    content = json.loads(notebook.read_text("utf-8"))
    title = f"Film {IMAGE.format('title')}{SCRIPT.format('title')}"
    shown = f"**shown** {SCRIPT.format('markdown')} [on](javascript:alert('link'))"
    table = (
        "<table><thead><tr><th>film</th></tr></thead>"
        f"<tbody><tr><td>{title}</td></tr></tbody></table>"
    )
    content["cells"][-1]["outputs"] = [
        {"output_type": "stream", "name": "stdout", "text": f"{SCRIPT.format('stream')}\n"},
        *(
            {"output_type": "display_data", "metadata": {}, "data": data}
            for data in ({"text/html": table}, {"text/markdown": shown})
        ),
    ]
    notebook.write_text(json.dumps(content), encoding="utf-8")


@pytest.fixture(scope="module")
def built(
    executed_project: Path, tmp_path_factory: pytest.TempPathFactory, build: Callable
) -> Path:
    """The small site with inserted HTML and an archive link."""
    project = tmp_path_factory.mktemp("browsing") / "project"
    shutil.copytree(executed_project, project, symlinks=True)
    insert_markup(project / "notebooks" / "01_demo.ipynb")
    study = project / "report" / "study.md"
    alt = f'"{SCRIPT.format("alt")}'
    study.write_text(
        study.read_text("utf-8")
        + "\n## Heading \\<script>alert(1)\\</script>\n"
        + f"\n:::{{figure}} bars.svg\n:alt: {alt}\nA caption.\n:::\n",
        encoding="utf-8",
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WHOLESCRIPT_ARCHIVE", ARCHIVE)
        done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    return project / "_build" / "html"


@pytest.fixture(scope="module")
def home(built: Path, serve: Callable[[Path], str]) -> str:
    return serve(built)


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[str, BeautifulSoup]:
    return {path: BeautifulSoup((built / path).read_text("utf-8"), "html.parser") for path in PAGES}


# --- colours --------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "colour"), [("light", LIGHT), ("dark", DARK)])
@pytest.mark.parametrize("scripts", [True, False])
def test_page_follows_the_system_colour_scheme(
    home: str, visit: Callable, scheme: str, colour: str, scripts: bool
) -> None:
    opened = visit(home, color_scheme=scheme, java_script_enabled=scripts)
    assert background(opened.page) == colour
    assert opened.page.locator("button.colours").is_visible() == scripts


def test_chosen_colour_scheme_is_kept(home: str, visit: Callable) -> None:
    page = visit(f"{home}/index.html").page
    button = page.get_by_role("button", name="Colours: auto")
    button.click()
    expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
    page.get_by_role("button", name="Colours: light").click()
    assert background(page) == DARK
    page.goto(f"{home}/report/study.html")
    assert background(page) == DARK
    page.get_by_role("button", name="Colours: dark").click()
    assert background(page) == LIGHT


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_figure_version_follows_the_colour_scheme(home: str, visit: Callable, scheme: str) -> None:
    opened = visit(f"{home}/index.html", color_scheme=scheme)
    images = opened.page.locator("#figure-lengths img")
    assert [image.is_visible() for image in images.all()] == [scheme == "light", scheme == "dark"]
    assert images.nth(0).get_attribute("alt") == images.nth(1).get_attribute("alt")
    assert opened.unloaded_images() == []
    opened.page.locator("button.colours").click()
    assert images.nth(0).is_visible()


def test_figure_without_a_dark_version_is_one_image() -> None:
    png = io.BytesIO()
    Image.new("RGB", (70, 35), DARK).save(png, "png")
    files = {"fig-both": {".dark.png": png.getvalue()}}
    evidence = SimpleNamespace(files=lambda label: files.get(label, {}))
    page = SimpleNamespace(location="page.md", relative=str)
    renderer = Renderer(SimpleNamespace(evidence=evidence), page, Assets(), Diagnostics())
    images = {
        name: BeautifulSoup(renderer.image({}, png.getvalue(), name, "Bars."), "html.parser")
        for name in ("fig-both.png", "fig-light.png", "photo.jpg")
    }
    classes = {name: [image.get("class") for image in html("img")] for name, html in images.items()}
    assert classes.pop("fig-both.png") == [["on-light"], ["on-dark"]]
    assert classes == {"fig-light.png": [None], "photo.jpg": [None]}


# --- security -----------------------------------------------------------------------------


def test_pages_hold_no_inline_script_or_style(pages: dict[str, BeautifulSoup]) -> None:
    for page in pages.values():
        assert page.select("script") == page.select("head > script[src]")
        assert not page.select("style, [style]")
        named = {name for tag in page.find_all(True) for name in tag.attrs}
        assert not [name for name in named if name.startswith("on")]


def test_browser_enforces_the_policy(built: Path, home: str, visit: Callable) -> None:
    for address in (home, built.as_uri()):
        page = visit(f"{address}/index.html").page
        page.evaluate(
            """() => {
                const script = document.createElement('script');
                script.textContent = 'window.ran = true';
                document.body.append(script);
                document.body.setAttribute('style', 'background: red');
                document.body.setAttribute('onclick', 'window.ran = true');
                document.body.click();
            }"""
        )
        assert page.evaluate("window.ran") is None
        assert background(page) == LIGHT


# Also without the policy, which is only the second line of defence.
@pytest.mark.parametrize("bypass_csp", [False, True])
@pytest.mark.parametrize("path", PAGES)
def test_inserted_scripts_do_not_run(
    home: str, visit: Callable, path: str, bypass_csp: bool
) -> None:
    opened = visit(f"{home}/{path}", bypass_csp=bypass_csp)
    assert opened.errors == []
    assert opened.page.locator("article :is(script, [onerror], [href^='javascript:'])").count() == 0


def test_inserted_html_is_shown_as_text(pages: dict[str, BeautifulSoup]) -> None:
    notebook, study = pages["notebooks/demo.html"], pages["report/study.html"]
    assert SCRIPT.format("stream") in [block.get_text() for block in notebook.select("pre.plain")]
    assert SCRIPT.format("markdown") in notebook.get_text()
    # In HTML tables, markup is removed and text stays.
    assert notebook.find("td", string="Film ")
    heading = study.find("h2", id=re.compile("^heading-script")).get_text()
    assert heading.startswith("Heading <script>alert(1)</script>")
    assert "Heading <script>alert(1)</script>" in study.select_one("aside.contents").get_text()
    assert study.select("article img")[-1]["alt"] == f'"{SCRIPT.format("alt")}'


# --- search ---------------------------------------------------------------------------------


def test_search_result_opens_its_section(home: str, visit: Callable) -> None:
    opened = visit(f"{home}/index.html")
    page = opened.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("nothing at all")
    page.keyboard.press("Control+A")
    page.keyboard.type("printed")
    hit = page.locator("search li").first
    expect(hit).to_contain_text("How long is a script?: Lengths")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/notebooks/demo.html#lengths")
    assert opened.errors == []


def test_search_shows_html_as_text(home: str, visit: Callable) -> None:
    opened = visit(f"{home}/report/study.html", bypass_csp=True)
    opened.page.get_by_role("searchbox").fill("onerror")
    expect(opened.page.locator("search li").first).to_contain_text("onerror=alert(")
    opened.page.get_by_role("searchbox").fill("heading")
    expect(opened.page.locator("search ol")).to_contain_text("Heading <script>alert(1)</script>")
    expect(opened.page.locator("search mark").first).to_be_visible()
    assert opened.page.locator("search ol script, search ol img").count() == 0
    assert opened.errors == []


def test_search_index_has_only_the_text_of_articles(home: str, visit: Callable) -> None:
    page = visit(f"{home}/index.html").page
    texts = page.evaluate(
        """async () => {
            const pagefind = await import('/pagefind/pagefind.js');
            const {results} = await pagefind.search('script');
            const pages = await Promise.all(results.map(result => result.data()));
            return pages.map(page => page.raw_content);
        }"""
    )
    assert len(texts) == len(PAGES)
    assert any("How much of a film" in text for text in texts)
    around = ("Skip to the text", "On this page", "notebook cell", "Executed notebook", "mathcal")
    assert [words for words in around for text in texts if words in text] == []


@pytest.mark.parametrize("path", ["index.html", "notebooks/demo.html"])
def test_search_needs_no_server(built: Path, visit: Callable, path: str) -> None:
    opened = visit(f"{built.as_uri()}/{path}")
    page = opened.page
    assert page.evaluate("typeof window.openPagefind") == "undefined"  # loaded when it is needed
    page.keyboard.press("/")
    page.keyboard.type("printed")
    expect(page.locator("search li").first).to_contain_text("How long is a script?: Lengths")
    page.locator("search li a").first.click()
    page.wait_for_url(f"{built.as_uri()}/notebooks/demo.html#lengths")
    assert opened.errors == []


# --- page features --------------------------------------------------------------------------


def test_code_is_copied(home: str, visit: Callable) -> None:
    granted = ["clipboard-read", "clipboard-write"]
    page = visit(f"{home}/index.html", permissions=granted).page
    block = page.locator(".code").first
    block.hover()
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button")).to_have_text("Copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('def share(part: int, whole: int = 1_364) -> float:\n    """Return')


def test_contents_mark_the_current_section(home: str, visit: Callable) -> None:
    page = visit(f"{home}/index.html", width=1440).page
    marked = page.locator("aside.contents a[aria-current=location]")
    for section in ("Works", "What is here", "What was asked"):
        heading = page.locator("article").get_by_role("heading", name=section)
        heading.evaluate("heading => heading.scrollIntoView()")
        expect(marked).to_have_text(section)
    page.evaluate("scrollTo(0, 0)")
    expect(marked).to_have_count(0)


def test_notebook_page_links_its_files(pages: dict[str, BeautifulSoup], built: Path) -> None:
    links = {a["download"]: a["href"] for a in pages["notebooks/demo.html"].select(".origin a")}
    assert set(links) == {"01_demo.ipynb", "01_demo.py"}
    for name, path in links.items():
        source = built.parents[1] / "notebooks" / name
        assert (built / "notebooks" / path).read_bytes() == source.read_bytes()


def test_archive_is_linked_if_it_exists(pages: dict[str, BeautifulSoup], site: Path) -> None:
    offered = {path: page.select_one("footer a[download]")["href"] for path, page in pages.items()}
    assert offered == {path: f"{'../' * path.count('/')}{ARCHIVE}" for path in PAGES}
    assert "whole site" not in (site / "index.html").read_text("utf-8")


# --- print ----------------------------------------------------------------------------------


def test_print_has_the_text_and_the_light_figures(home: str, visit: Callable) -> None:
    page = visit(f"{home}/index.html", color_scheme="dark").page
    figures = page.locator("img[src*='.png']:not(.on-dark)").count()
    document = pypdfium2.PdfDocument(page.pdf())
    images = [image for sheet in document for image in sheet.get_objects([FPDF_PAGEOBJ_IMAGE])]
    assert len(images) == figures > 0
    text = "\n".join(sheet.get_textpage().get_text_bounded() for sheet in document)
    assert "Folded text." in text and "(https://example.org)" in text
    for unprinted in ("Skip to the text", "On this page", "Next", "Copy", "notebook cell"):
        assert unprinted not in text
    assert document[0].render().to_pil().getpixel((1, 1)) == (255, 255, 255)


# --- accessibility -------------------------------------------------------------------------------


@pytest.mark.parametrize(("scheme", "width"), [("light", 360), ("dark", 1440)])
@pytest.mark.parametrize("path", PAGES)
def test_axe_has_no_serious_findings(
    home: str, visit: Callable, path: str, width: int, scheme: str
) -> None:
    opened = visit(f"{home}/{path}", width=width, color_scheme=scheme, bypass_csp=True)
    opened.page.get_by_role("searchbox").fill("script")
    expect(opened.page.locator("search li").first).to_be_visible()
    assert opened.serious_findings() == []


def test_search_results_fit_a_phone(home: str, visit: Callable) -> None:
    opened = visit(f"{home}/index.html", width=360)
    opened.page.get_by_role("searchbox").fill("script")
    expect(opened.page.locator("search li").first).to_be_visible()
    box = opened.page.locator(".found").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert opened.overflow() == 0
