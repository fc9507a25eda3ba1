"""The few SVG shapes that explorers draw with; text and lines take the page's own colour, so both themes read."""

from collections.abc import Iterable
from html import escape

from ..show.palette import FONT


def svg(width: float, height: float, parts: list[str], description: str) -> str:
    """An inline picture with a name for screen readers."""
    said = escape(description, quote=True)
    return (
        f'<svg role="img" aria-label="{said}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" style="max-width:100%;height:auto;font-family:{escape(FONT)}">'
        f"{''.join(parts)}</svg>"
    )


def text(x: float, y: float, words: str, *, size: int = 12, anchor: str = "start") -> str:
    """Words at a point; `anchor` is SVG's start, middle or end."""
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}"'
    return f'<text {place} fill="currentColor">{escape(words)}</text>'


def bar(
    x: float, y: float, width: float, height: float, colour: str, words: str, *, hatched: bool = False
) -> list[str]:
    """A bar with `words` in its middle; `hatched` adds diagonals, so that colour is not the only difference."""
    fill = colour or "currentColor"
    parts = [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}" '
        f'fill="{fill}" fill-opacity="0.45" stroke="currentColor"/>'
    ]
    if hatched:
        step = 8.0
        lines = ""
        start = x - height
        while start < x + width:
            x1, x2 = max(start, x), min(start + height, x + width)
            if x2 > x1:
                lines += f"M{x1:.1f} {y + height - (x1 - start):.1f}L{x2:.1f} {y + height - (x2 - start):.1f}"
            start += step
        parts.append(f'<path d="{lines}" stroke="currentColor" stroke-opacity="0.45" fill="none"/>')
    if words:
        parts.append(text(x + width / 2, y + height / 2 + 4, words, anchor="middle"))
    return parts


def stacked(x: float, y: float, scale: float, height: float, pieces: Iterable[tuple[str, float, str]]) -> list[str]:
    """Bars end to end, one for each (name, value, colour), `scale` wide per unit; every other one is hatched."""
    parts = []
    for i, (name, value, colour) in enumerate(pieces):
        width = scale * value
        parts += bar(x, y, width, height, colour, name if width > 9 * len(name) + 5 else "", hatched=i % 2 == 1)
        x += width
    return parts
