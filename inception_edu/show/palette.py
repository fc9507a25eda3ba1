"""Colours and type for every picture of the course: diagrams, explorers and matplotlib figures.

The hues are Okabe and Ito's, told apart with any common kind of colour blindness
(jfly.uni-koeln.de/color). In drawings they are applied thinly, so that text in `INK` is readable
over them on a light page and on a dark one, and no meaning depends on colour alone.
"""

from typing import Any

ORANGE = "#E69F00"
SKY_BLUE = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY_BLUE)
"""The order for lines of a plot; without yellow, because a thin yellow line is invisible on white."""

KINDS = {
    "conv": BLUE,
    "depthwise": GREEN,
    "pool": ORANGE,
    "linear": PURPLE,
    "concat": YELLOW,
    "sum": YELLOW,
    "block": SKY_BLUE,
    "head": VERMILLION,
}
"""The hue of each `labels.box` that has one, of a folded block and of an auxiliary head; nothing else has one."""

BRANCHES = {"pool": PURPLE, "1x1": BLUE, "3x3": GREEN, "5x5": ORANGE}
"""The hues of an Inception block's branches, by their windows, in chapters 02 and 03 and in the explorer of 02."""

INK_LIGHT = "#1f2328"
"""Text and lines on a light page."""
INK_DARK = "#e6edf3"
"""Text and lines on a dark page."""
INK = f"var(--jp-content-font-color1, {INK_LIGHT})"
"""For CSS: JupyterLab's own text colour, so that its theme decides, and `INK_LIGHT` elsewhere."""
INK_ON_DARK = f"var(--jp-content-font-color1, {INK_DARK})"
"""The same within `@media (prefers-color-scheme: dark)`: JupyterLab's theme still comes first."""
INK_BOTH = "#767676"
"""One grey for pictures that cannot change with the theme: over 4.1:1 against white and against JupyterLab's black."""
BLUE_BOTH = "#1f7ec8"
"""`BLUE` for thin lines and words in the same pictures: on JupyterLab's black it is hard to read."""

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
"""CSS font family: what the reader's system uses, nothing loaded from elsewhere."""


def matplotlib_rc(ink: str = INK_BOTH) -> dict[str, Any]:
    """Settings for `plt.rcParams.update` or `plt.rc_context`: the colours above, no background, text kept as text.

    `ink` is the colour of text and axes; the default reads on a light page and on a dark one. SVG
    figures are equal in every run if they are saved with `metadata={"Date": None}`.
    """
    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor", "xtick.color", "ytick.color")
    return {
        **dict.fromkeys(inked, ink),
        "axes.prop_cycle": f"cycler('color', {list(CYCLE)})",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titleweight": "bold",
        "axes.titlesize": 12,
        "font.family": "sans-serif",
        "font.size": 10.5,
        "lines.linewidth": 2.0,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": ink,
        "grid.alpha": 0.25,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "figure.constrained_layout.use": True,
        "svg.fonttype": "none",
        "svg.hashsalt": "inception-edu",
    }
