"""What students wrote as text, as HTML that a browser only shows: in the formgrader and on feedback pages.

nbgrader renders Markdown cells with a filter of nbconvert's; `markdown2html` takes its place. It cleans what comes out
and leaves the text itself as it was written. Cells of the teacher's own are shown as they are.
"""

import re
from html import escape
from typing import Any

import bleach
from jinja2 import pass_context
from jinja2.runtime import Context
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbgrader.utils import is_locked

FILTER = f"{__name__}.markdown2html"
LONGEST = 10_000
"""Characters of a text that are rendered; looking for formulas in a longer one can take minutes."""
SHOWN = 200_000
"""Characters of a longer one that are shown, unrendered."""

PICTURES = re.compile(r"data:image/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*")
_LINKS = re.compile(r"\s*(https?://|mailto:|#)", re.IGNORECASE)
_TAGS = {f"h{n}" for n in range(1, 7)} | {"a", "img", "p", "br", "hr", "div", "span", "pre", "code", "blockquote"}
_TAGS |= {"em", "strong", "s", "del", "sub", "sup", "ol", "ul", "li", "table", "thead", "tbody", "tr", "th", "td"}
# Commands of MathJax that make links, load more commands, or make new ones that could.
_ACTIVE = re.compile(r"\\(?=(?:href|url|require|def|let|newcommand|newenvironment|class|cssId|style|data|unicode)\b)")


@pass_context
def markdown2html(context: Context, source: str) -> str:
    """The HTML of a Markdown cell."""
    cell = context.get("cell")  # none for a comment, which the teacher wrote
    attachments = cell.get("attachments", {}) if cell else {}
    if cell and is_locked(cell):
        return str(MarkdownWithMath(IPythonRenderer(escape=False, attachments=attachments)).render(source))
    return safe(source, attachments)


def safe(source: str, attachments: dict[str, Any] | None = None) -> str:
    """The HTML of a text that nobody trusts: links lead to http, https, mailto and the page, pictures are attached."""
    if len(source) > LONGEST:
        cut = f"\n[{len(source) - SHOWN:,} more characters]" if len(source) > SHOWN else ""
        return f"<pre>{escape(source[:SHOWN] + cut)}</pre>"
    try:
        renderer = IPythonRenderer(escape=True, attachments=attachments or {}, exclude_anchor_links=True)
        html = MarkdownWithMath(renderer).render(_ACTIVE.sub(r"\\ ", source))
    except (InvalidNotebook, RecursionError):  # a picture that is not attached; lists in lists in lists
        return f"<pre>{escape(source)}</pre>"
    return bleach.clean(html, tags=_TAGS, attributes=_kept, protocols={"http", "https", "mailto", "data"})


def _kept(tag: str, name: str, value: str) -> bool:
    if (tag, name) == ("a", "href"):
        return bool(_LINKS.match(value))
    if (tag, name) == ("img", "src"):
        return bool(PICTURES.fullmatch(value))
    return name in ("alt", "title", "class", "align", "colspan", "rowspan")
