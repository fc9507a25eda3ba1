"""The HTML that the whole package shares: its tables, and drawings that survive a sanitiser."""

import re
from collections.abc import Container, Sequence
from html import escape, unescape
from urllib.parse import quote

from .palette import INK_BOTH


def table(
    heads: Sequence[str],
    rows: Sequence[Sequence[object]],
    *,
    total: int | None = None,
    caption: str = "",
    left: Container[int] = (),
) -> str:
    """A table as HTML; each row begins with its head, and whole numbers get commas.

    `total` is the index of the row that sums up, negative from the end, as in a list. `left` are the columns of
    words: notebooks align all others to the right. Text is escaped, a cell that is `Markup` is HTML already.
    """
    last = None if total is None else range(len(rows))[total]
    sides = [' style="text-align:left"' if i in left else "" for i in range(len(heads))]
    head = "".join(f"<th{side}>{escape(each)}</th>" for each, side in zip(heads, sides, strict=True))
    body = "".join(
        ('<tr class="ie-total">' if i == last else "<tr>")
        + f'<th scope="row"{sides[0]}>{_cell(first)}</th>'
        + "".join(f"<td{side}>{_cell(each)}</td>" for each, side in zip(rest, sides[1:], strict=True))
        + "</tr>"
        for i, (first, *rest) in enumerate(rows)
    )
    title = f"<caption>{escape(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if hasattr(value, "__html__"):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def drawings_as_images(html: str) -> str:
    """`html` with each inline SVG as an `img`, its description as `alt`: what JupyterLab leaves of an untrusted page.

    An image cannot take the page's text colour, so its lines are of the one grey that reads on light and on dark.
    """
    return re.sub(r"<svg.*?</svg>\s*", _image, html, flags=re.DOTALL)


def _image(found: re.Match[str]) -> str:
    svg = found[0]
    said = re.search(r'aria-label="([^"]*)"|<title[^>]*>(.*?)</title>', svg, re.DOTALL)
    alt = unescape(said[1] or said[2]) if said else ""
    grey = svg.replace(">", f"><style>svg{{color:{INK_BOTH}!important}}</style>", 1)
    source = quote(grey.strip(), safe=" =:/;,.()!'")
    return f'<img src="data:image/svg+xml,{source}" alt="{escape(alt)}">'
