"""matplotlib figures for chapters: SVG in the page, in its theme's colours, with a description for screen readers."""

import io
import re
from html import escape
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from .palette import matplotlib_rc

_INK = "#0a0b0c"
"""A placeholder for the page's own text colour, which matplotlib does not know."""


class Picture:
    """An SVG with its description: shown inline in a notebook, and as its description where only text is shown."""

    def __init__(self, svg: str, description: str) -> None:
        self.svg = svg
        self.description = description

    def _repr_html_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"[Figure: {self.description}]"


_PLACES = re.compile(r'(?<=\s)(?:d|x|y|x1|x2|y1|y2|cx|cy|r|width|height|points|transform|viewBox)="[^"]*"')
"""The attributes of an SVG that say where something is."""


def _rounded(number: re.Match[str]) -> str:
    return f"{round(float(number[0]), 2) + 0.0:g}"  # and never a minus before a zero


def style() -> None:
    """The course's look for every figure drawn after this call; Jupyter no longer shows a second copy of each."""
    settings: Any = matplotlib_rc(_INK)
    plt.rcParams.update(settings)
    plt.ioff()


def show(figure: Figure, description: str) -> Picture:
    """`figure` as a `Picture`, closed, so that it is shown once.

    `description` is for readers who cannot see it: what is plotted, and what it shows. Raises ValueError
    if it is empty. Equal figures give equal SVG, so that notebooks can be compared; places are rounded to
    a hundredth of a point, because the last digits of a measurement depend on the processor.
    """
    if not description.strip():
        raise ValueError("a figure needs a description: one or two sentences for readers who cannot see it")
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
    plt.close(figure)
    svg = re.sub(r"^.*?(?=<svg)", "", buffer.getvalue(), flags=re.S)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S).replace(_INK, "currentColor")
    svg = _PLACES.sub(lambda places: re.sub(r"-?\d+\.\d{3,}", _rounded, places[0]), svg)
    name = f'<svg role="img" aria-label="{escape(description, quote=True)}" style="max-width:100%;height:auto" '
    return Picture(svg.replace("<svg ", name, 1), description)
