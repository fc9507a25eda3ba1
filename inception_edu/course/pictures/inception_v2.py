"""Chapter 05: what a batch norm averages over, what a ReLU gets to see, and accuracy against the learning rate."""
# mypy: untyped-calls-exclude=torch

from collections.abc import Mapping
from statistics import fmean
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from torch import Tensor, nn

from ...show.figures import Picture, show, style
from ...show.palette import BLUE, INK_BOTH, ORANGE, VERMILLION

ARMS: dict[str, tuple[str, str, str, Any]] = {
    "without": ("without batch norm", VERMILLION, "^", "--"),
    "with": ("with batch norm", BLUE, "o", "-"),
}


def _box(ax: Axes, x: float, y: float, size: tuple[int, int, int], colour: str) -> None:
    """A box of channels x positions x images unit cells, its front face at (x, y); images recede to the upper right."""
    channels, positions, images = size
    dx, dy = 0.5, 0.4
    faces = [
        [(c, p, 0), (c + 1, p, 0), (c + 1, p + 1, 0), (c, p + 1, 0)] for c in range(channels) for p in range(positions)
    ]
    faces += [
        [(c, positions, n), (c + 1, positions, n), (c + 1, positions, n + 1), (c, positions, n + 1)]
        for c in range(channels)
        for n in range(images)
    ]
    faces += [
        [(channels, p, n), (channels, p + 1, n), (channels, p + 1, n + 1), (channels, p, n + 1)]
        for p in range(positions)
        for n in range(images)
    ]
    for face in faces:
        corners = [(x + c + dx * n, y + p + dy * n) for c, p, n in face]
        ax.add_patch(Polygon(corners, facecolor=colour, alpha=0.55, edgecolor=INK_BOTH, linewidth=0.7))


def cube() -> Picture:
    """A batch as a box of channels, positions and images; one channel of it is taken out."""
    style()
    fig, ax = plt.subplots(figsize=(8, 3.6))
    channels, positions, images, chosen = 6, 6, 4, 3
    for start, width, colour in (
        (0, chosen, INK_BOTH),
        (chosen, 1, ORANGE),
        (chosen + 1, channels - chosen - 1, INK_BOTH),
    ):
        _box(ax, start, 0, (width, positions, images), "none" if colour == INK_BOTH else colour)
    _box(ax, 13.5, 0, (1, positions, images), ORANGE)
    ax.annotate("", (12.8, 3.6), (9, 3.6), arrowprops={"arrowstyle": "->", "color": INK_BOTH})
    ax.text(3, -0.4, "channels", ha="center", va="top")
    ax.text(-0.3, 3, "positions\n(rows x columns)", ha="right", va="center")
    ax.text(7.4, 0.35, "images\nof the batch", ha="left", va="center")
    ax.text(17.4, 4.2, "one channel:", va="center", weight="bold")
    ax.text(17.4, 3.0, "one mean, one variance,", va="center")
    ax.text(17.4, 2.1, "one scale, one shift", va="center")
    ax.set(xlim=(-4.5, 26.5), ylim=(-1.4, 8), aspect="equal")
    ax.axis("off")
    return show(
        fig,
        "A batch drawn as a box of unit cells: channels to the right, positions upwards, images of the batch into the "
        "depth. One channel is a slab through all images and all positions. Taken out, it has one mean, one variance, "
        "one scale and one shift.",
    )


def _read(net: nn.Module, units: Mapping[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """What the ReLU at the end of each unit reads for a batch in training mode, (channels, values), name by name."""
    kept: dict[str, Tensor] = {}
    hooks = [
        unit[-1].register_forward_pre_hook(lambda _, inputs, name=name: kept.update({name: inputs[0]}))  # type: ignore[index]
        for name, unit in units.items()
    ]
    with torch.no_grad():
        net.train()(images)
    for hook in hooks:
        hook.remove()
    return {name: maps.transpose(0, 1).flatten(1) for name, maps in kept.items()}


def before_the_relus(nets: Mapping[str, Any], images: Tensor) -> Picture:
    """Histograms of what three ReLUs of small GoogLeNets read, twelve channels each; keys are those of `ARMS`.

    A ReLU is called idle for a channel if it passes on more than 95 % of its values, or less than 5 %; all are counted.
    """
    style()
    fig, axes = plt.subplots(len(nets), 3, figsize=(8.6, 1.9 * len(nets) + 0.5), sharex=True, layout="constrained")
    words = []
    for row, (arm, net) in zip(axes, nets.items(), strict=True):
        title, colour, _, _ = ARMS[arm]
        units = {"second layer": net.stem[1], "1x1 of block 4a": net.block_4a.one, "1x1 of block 5a": net.block_5a.one}
        for ax, (name, values) in zip(row, _read(net, units, images).items(), strict=True):
            bins = torch.linspace(-8, 8, 65).tolist()
            for channel in values[:12]:
                ax.hist(channel.numpy(), bins, density=True, histtype="step", color=colour, linewidth=0.8, alpha=0.7)
            passed = (values > 0).float().mean(1)
            idle = ((passed > 0.95) | (passed < 0.05)).sum().item()
            ax.axvline(0, color=INK_BOTH, linewidth=1)
            ax.text(
                0.98, 0.95, f"idle: {idle} of {len(values)}", transform=ax.transAxes, ha="right", va="top", fontsize=9
            )
            ax.set(yticks=[], title=name if arm == next(iter(nets)) else "", ylim=(0, 1.15))
            ax.title.set_fontsize(10.5)
            words.append(
                f"{title}, {name}: standard deviation {values.std():.1f}, idle for {idle} of {len(values)} channels"
            )
        row[0].set_ylabel(title)
    axes[-1][1].set_xlabel("what the ReLU reads")
    return show(fig, f"Histograms of what ReLUs read, channel by channel, before training. {'; '.join(words)}.")


def against_the_rate(record: Mapping[str, Any]) -> Picture:
    """Test accuracy against the learning rate, every run a mark; those that overflowed are hollow, at ten percent."""
    style()
    fig, ax = plt.subplots(figsize=(7.4, 3.6))
    words = []
    for arm, (name, colour, marker, dashes) in ARMS.items():
        means = []
        for rate in record["rates"]:
            runs = [run for key, run in record["runs"].items() if key.startswith(f"{arm} {rate:g}/")]
            means.append(100 * fmean(run["test"] for run in runs))
            for run in runs:
                face = colour if run["losses"] else "none"
                side = 1.06 if arm == "with" else 0.94
                ax.plot(
                    rate * side, 100 * run["test"], marker, color=colour, markerfacecolor=face, markersize=5, alpha=0.7
                )
        ax.plot(record["rates"], means, dashes, color=colour, linewidth=1.4)
        words.append(f"{name} " + ", ".join(f"{m:.0f} at {r:g}" for r, m in zip(record["rates"], means, strict=True)))
    ax.axhline(80, color=INK_BOTH, linewidth=1, linestyle=":")
    ax.text(record["rates"][-1] * 1.5, 81, "80 %", ha="right", va="bottom", color=INK_BOTH, fontsize=9)
    ax.set(xscale="log", xlabel="learning rate", ylabel="test images right, %", ylim=(0, 95))
    ax.set_xticks(record["rates"], [f"{rate:g}" for rate in record["rates"]])
    ax.minorticks_off()
    keys = [Line2D([], [], color=c, marker=m, linestyle=d, label=n) for n, c, m, d in reversed(ARMS.values())]
    keys.append(Line2D([], [], color=INK_BOTH, marker="o", linestyle="", markerfacecolor="none", label="overflowed"))
    ax.legend(handles=keys, loc="center left", bbox_to_anchor=(1, 0.5))
    return show(fig, f"Mean test accuracy in percent against the learning rate: {'; '.join(words)}.")
