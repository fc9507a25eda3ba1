"""The drawings of the chapters that take more lines than the idea they show: one module per chapter.

Each function returns a `Picture` with its description. What several chapters draw is here.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.patches import Rectangle
from torch import Tensor

from ...data.fashion import to_pixels
from ...show.figures import Picture, show, style
from ...show.palette import CYCLE
from ..canvas import HEIGHT, SIDE, WIDTH, Found


def draw_canvas(canvas: Tensor, found: Sequence[Found] = ()) -> Picture:
    """The canvas with a frame and a name around each garment found."""
    style()
    fig, ax = plt.subplots(figsize=(7, 4.4))
    ax.imshow(to_pixels(canvas)[0, 0].numpy(), cmap="gray", vmin=0, vmax=255)
    for number, each in enumerate(found):
        colour = CYCLE[number % len(CYCLE)]
        ax.add_patch(
            Rectangle((each.left - 0.5, each.top - 0.5), SIDE, SIDE, fill=False, edgecolor=colour, linewidth=2)
        )
        words = f"{each.name} {each.probability:.0%}"
        ax.text(each.left + 0.5, each.top + SIDE + 0.5, words, color="white", fontsize=9, va="top")
    ax.axis("off")
    names = ", ".join(f"{each.name} ({each.probability:.0%})" for each in found) or "nothing"
    return show(
        fig, f"A black canvas of {WIDTH}x{HEIGHT} pixels with garments. The network finds, left to right: {names}."
    )
