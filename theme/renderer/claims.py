"""Claims on pages, and the list of all claims with their tests, values and places."""

from markupsafe import Markup

from wholescript.errors import RunError
from wholescript.experiments.results import Metric
from wholescript.publish.claims import Bound, Claim, Condition, Quantity, find_claim
from wholescript.publish.quantity_names import quantity_name

from .base import EMPTY
from .diagnostics import Node, plain_text
from .prose import ProseRenderer, scrolling

PARTS = {"value": "value", "low": "lower bound", "high": "upper bound"}
COMPARED = "the quantities above are compared with it"
TESTED = "Tested on the stored results at every build. The link leads to the test."
NOT_HELD = "The test of this claim fails on the stored results. The link leads to the test."
MINUS = "\N{MINUS SIGN}"


class ClaimRenderer(ProseRenderer):
    """Adds claims to the rendering of prose."""

    def _on_span(self, node: Node) -> Markup:
        if node.get("class") == "claim":
            return self._claim(node, node["data"]["claim"])
        return super()._on_span(node)

    def _claim(self, node: Node, name: str) -> Markup:
        """A claim, marked as holding or not, with a link to its entry in the list."""
        try:
            claim = find_claim(self.project.evidence.claims, name)
        except RunError as error:
            self.error(node, str(error))
            return EMPTY
        listed = self.project.page_with_claims()
        href = self.href(node, listed, f"claim-{name}") if listed is not None else None
        shown, about = (
            ("checked", TESTED)
            if claim.holds
            else ("does not hold on the stored results", NOT_HELD)
        )
        mark = self.with_tooltip("mark", href, Markup.escape(shown), Markup.escape(about))
        assert name in self.project.statements  # which adds the anchor to the node
        inner = Markup("{} {}").format(plain_text(node), mark)
        return self.element("span", node, inner, f"claim {_state(claim)}")

    def _on_div(self, node: Node) -> Markup:
        if node.get("class") != "claims":
            return super()._on_div(node)
        claims = self.project.evidence.claims
        by_page: dict[int, list[Claim]] = {}
        for name in self.project.statements:
            if name in claims:
                by_page.setdefault(self._main_page(name), []).append(claims[name])
        content = EMPTY
        for number, stated in sorted(by_page.items()):
            page = self.project.pages[number]
            content += self._claims_of(page.title, f"claims-{page.slug.replace('.', '-')}", stated)
        rest = [claim for name, claim in claims.items() if name not in self.project.statements]
        if rest:
            content += self._claims_of("Claims that no page states", "claims-not-stated", rest)
        return self.element("div", node, content, "claims")

    def _main_page(self, name: str) -> int:
        """Return the number of the first page that states a claim, the front page only if alone."""
        places = {id(page) for page, _ in self.project.statements[name]}
        numbers = [n for n, page in enumerate(self.project.pages) if id(page) in places]
        return next((number for number in numbers if number), 0)

    def _claims_of(self, title: str, anchor: str, claims: list[Claim]) -> Markup:
        self.headings.append((2, anchor, Markup.escape(title)))
        heading = self.element("h2", {"type": "heading", "html_id": anchor}, Markup.escape(title))
        return heading + EMPTY.join(map(self._entry, claims))

    def _entry(self, claim: Claim) -> Markup:
        anchor: Node = {"type": "span", "html_id": f"claim-{claim.name}"}
        state = "holds" if claim.holds else "does not hold"
        parts = Markup('<h3>{} <span class="mark">{}</span></h3>').format(claim.statement, state)
        parts += Markup("<p>{} {}</p>").format(claim.test, self._places(claim))
        if claim.error:
            parts += Markup("<p><strong>Not tested: {}</strong></p>").format(claim.error)
        rows = EMPTY.join(self._row(*found) for found in claim.quantities.values())
        if rows:
            head = EMPTY.join(
                Markup('<th scope="col">{}</th>').format(name)
                for name in ("Quantity", "Value (95% interval)", "Condition", "Holds")
            )
            table = "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>"
            parts += scrolling(Markup(table).format(head, rows))
        return self.element("section", anchor, parts, f"claim-entry {_state(claim)}")

    def _places(self, claim: Claim) -> Markup:
        """Return links to the places that state a claim."""
        links, before = [], None
        for page, anchor in self.project.statements.get(claim.name, ()):
            href = self.href({"type": "span"}, page, anchor)
            title = "again" if page is before else page.title
            links.append(Markup('<a href="{}">{}</a>').format(href, title))
            before = page
        return Markup("Stated in {}.").format(Markup(", ").join(links)) if links else EMPTY

    def _row(self, quantity: Quantity, conditions: list[Condition]) -> Markup:
        name = _capitalised(quantity_name(quantity.reference))
        kind = "difference" if " - " in quantity.reference else "result"
        shown: Node = {"type": "text", "value": _with_interval(quantity.metric)}
        value = self._result({"type": "span", "children": [shown]}, {kind: quantity.reference})
        row = Markup('<tr><th scope="row">{}</th><td>{}</td>{}</tr>')
        if not conditions:
            return row.format(name, value, Markup('<td colspan="2">{}</td>').format(COMPARED))
        tested = Markup("<br>").join(_in_words(*one) for one in _strictest(conditions))
        holds = all(condition.holds for condition in conditions)
        mark = Markup("yes" if holds else '<strong class="mark">no</strong>')
        return row.format(name, value, Markup("<td>{}</td><td>{}</td>").format(tested, mark))


def _state(claim: Claim) -> str:
    return "holds" if claim.holds else "broken"


def _strictest(conditions: list[Condition]) -> list[tuple[Condition, int]]:
    """Return the strictest condition of each kind, and of how many it is the strictest."""
    kinds: dict[tuple[str, str], list[Condition]] = {}
    for condition in conditions:
        kinds.setdefault((condition.left.part, condition.relation), []).append(condition)
    return [
        ((max if relation in (">", "≥") else min)(found, key=_threshold), len(found))
        for (_, relation), found in kinds.items()
    ]


def _threshold(condition: Condition) -> float:
    right = condition.right
    return right.number if isinstance(right, Bound) else right


def _in_words(condition: Condition, n_conditions: int) -> str:
    right = condition.right
    if isinstance(right, Bound):
        name = quantity_name(right.quantity.reference)
        shown = f"{_number(right.number)}, the {PARTS[right.part]} of {name}"
    else:
        shown = f"{right:.6f}".rstrip("0").rstrip(".").replace("-", MINUS)
    strictest = f" (the strictest of {n_conditions} such conditions)" if n_conditions > 1 else ""
    return f"{PARTS[condition.left.part]} {condition.relation} {shown}{strictest}"


def _with_interval(metric: Metric) -> str:
    shown = _number(metric.value)
    if metric.low is not None and metric.high is not None:
        shown += f" ({_number(metric.low)} to {_number(metric.high)})"
    return shown


def _number(value: float) -> str:
    """Return a number with 4 decimals, a small one with 2 significant digits."""
    shown = f"{value:,.4f}" if value == 0 or abs(value) >= 0.0001 else f"{value:.2g}"
    return shown.replace("-", MINUS)


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
