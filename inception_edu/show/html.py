"""What the package writes in HTML alike: its tables, and drawings that outlive a sanitiser."""

import re
from collections.abc import Sequence
from html import escape, unescape
from urllib.parse import quote

from .palette import INK_BOTH


def table(heads: Sequence[str], rows: Sequence[Sequence[object]], *, total: int | None = None) -> str:
    """A table whose rows begin with their head; whole numbers get commas, all else is written as it is.

    `total` is the place of the row that sums up, from the end where it is below 0, as in a list.
    """
    last = None if total is None else range(len(rows))[total]
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(
        ('<tr class="ie-total">' if i == last else "<tr>")
        + f'<th scope="row">{_cell(first)}</th>'
        + "".join(f"<td>{_cell(each)}</td>" for each in rest)
        + "</tr>"
        for i, (first, *rest) in enumerate(rows)
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
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
