"""Chapter 05: what a batch norm averages over and when, what ReLUs see, accuracy against the rate, and the brake."""
# mypy: untyped-calls-exclude=torch

import math
from collections.abc import Mapping, Sequence
from copy import deepcopy
from statistics import fmean, median
from typing import Any

import matplotlib.pyplot as plt
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.ticker import StrMethodFormatter
from torch import Tensor, nn

from ...data.fashion import LabelledImages
from ...show.figures import Picture, show, style
from ...show.palette import BLUE, BLUE_BOTH, GREEN, INK_BOTH, ORANGE, VERMILLION
from . import loss_curves, name_ends

ARMS: dict[str, tuple[str, str, str, Any]] = {
    "without": ("without batch norm", VERMILLION, "^", "--"),
    "with": ("with batch norm", BLUE_BOTH, "o", "-"),
}


def _box(ax: Axes, x: float, size: tuple[int, int, int], face: Any, edge: Any, *, inside: bool = False) -> None:
    """A box of channels x positions x images unit cells, its front face at (x, 0); images recede to the upper right.

    Of a box `inside` another its right side is hidden.
    """
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
        for n in range(0 if inside else images)
    ]
    for cell in faces:
        corners = [(x + c + dx * n, p + dy * n) for c, p, n in cell]
        ax.add_patch(Polygon(corners, facecolor=face, edgecolor=edge, linewidth=0.8))


def cube() -> Picture:
    """A batch as a box of channels, positions and images; one channel of it is taken out."""
    style()
    fig, ax = plt.subplots(figsize=(8, 3.6))
    channels, positions, images, chosen = 6, 6, 4, 3
    _box(ax, 0, (channels, positions, images), "none", to_rgba(INK_BOTH, 0.6))
    for x in (chosen, 13.5):
        _box(ax, x, (1, positions, images), to_rgba(ORANGE, 0.35), ORANGE, inside=x == chosen)
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


def two_modes() -> Picture:
    """Where a batch norm gets its mean and variance: from the batch in training, from its averages in evaluation."""
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.1), layout="constrained")
    for ax, mode, data in zip(axes, ("training", "evaluation"), ("a batch", "images"), strict=True):
        boxes = [
            (1.2, 4.2, data, INK_BOTH),
            (5, 4.2, "subtract the mean, divide\nby the standard deviation", BLUE),
            (8.9, 4.2, "times \N{GREEK SMALL LETTER GAMMA},\nplus β", BLUE),
            (5, 0.5, "running averages", GREEN),
        ]
        arrows = [((2.1, 4.2), (2.9, 4.2)), ((7.1, 4.2), (8, 4.2)), ((9.8, 4.2), (10.5, 4.2))]
        if mode == "training":
            boxes.append((5, 2.35, "mean and variance\nof the batch", ORANGE))
            arrows += [((1.2, 3.7), (3.4, 2.5)), ((5, 2.9), (5, 3.65)), ((5, 1.8), (5, 0.9))]
            ax.text(5.2, 1.35, "move the averages a tenth", va="center", fontsize=9)
        else:
            arrows.append(((5, 0.9), (5, 3.65)))
        for x, y, words, colour in boxes:
            box = {"boxstyle": "round,pad=0.4", "facecolor": to_rgba(colour, 0.2), "edgecolor": colour}
            ax.text(x, y, words, ha="center", va="center", bbox=box, fontsize=9.5)
        for start, end in arrows:
            ax.annotate("", end, start, arrowprops={"arrowstyle": "->", "color": INK_BOTH, "linewidth": 1.3})
        ax.set(title=mode, xlim=(0.2, 10.6), ylim=(0, 5))
        ax.axis("off")
    return show(
        fig,
        "In training a batch norm computes mean and variance of the batch, normalises the batch with them, and moves "
        "its running averages a tenth of the way to them. In evaluation it normalises with the running averages, and "
        "nothing changes them. In both modes the result is multiplied by gamma, and beta is added.",
    )


def _read(net: nn.Module, units: Mapping[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """What the ReLU at the end of each unit sees for a batch in training mode, (channels, values), name by name."""
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
    """Histograms of what two ReLUs of small GoogLeNets see, five channels each; keys are those of `ARMS`.

    A ReLU is called idle for a channel if it passes on more than 95 % of its values, or less than 5 %; all are counted.
    """
    style()
    fig, axes = plt.subplots(len(nets), 2, figsize=(8.2, 2.1 * len(nets)), sharex=True, layout="constrained")
    words = []
    for row, (arm, net) in zip(axes, nets.items(), strict=True):
        title, colour, _, _ = ARMS[arm]
        units = {"1x1 of block 4a": net.block_4a.one, "1x1 of block 5a": net.block_5a.one}
        for ax, (name, values) in zip(row, _read(net, units, images).items(), strict=True):
            bins = torch.linspace(-9, 9, 73).tolist()
            for channel in values[:5]:
                ax.hist(channel.numpy(), bins, density=True, histtype="step", color=colour, linewidth=1.2, alpha=0.8)
            passed = (values > 0).float().mean(1)
            idle = ((passed > 0.95) | (passed < 0.05)).sum().item()
            ax.axvline(0, color=INK_BOTH, linewidth=1)
            ax.text(0.98, 0.95, f"idle: {idle} of {len(values)}", transform=ax.transAxes, ha="right", va="top")
            ax.set(xticks=[-5, 0, 5], yticks=[], title=name if arm == next(iter(nets)) else "", ylim=(0, 0.9))
            words.append(
                f"{title}, {name}: standard deviation {values.std():.1f}, idle for {idle} of {len(values)} channels"
            )
        row[0].set_ylabel(title)
    for ax in axes[-1]:
        ax.set_xlabel("what the ReLU sees")
    return show(fig, f"Histograms of what ReLUs see, five channels each, before training. {'; '.join(words)}.")


def against_the_rate(record: Mapping[str, Any]) -> Picture:
    """Test accuracy against the learning rate: a mark per run, beside its rate, and a line through the medians.

    Runs that overflowed are hollow, at ten percent.
    """
    style()
    fig, ax = plt.subplots(figsize=(8.4, 3.9))
    words = []
    for (arm, (name, colour, marker, dashes)), side in zip(ARMS.items(), (-1, 1), strict=True):
        middles = []
        for rate in record["rates"]:
            runs = [run for key, run in record["runs"].items() if key.startswith(f"{arm} {rate:g}/")]
            middles.append(100 * median(run["test"] for run in runs))
            for number, run in enumerate(runs):
                face = colour if run["losses"] else "none"
                place = rate * 10 ** (side * 0.075 + 0.022 * (number - (len(runs) - 1) / 2))
                ax.plot(place, 100 * run["test"], marker, color=colour, markerfacecolor=face, markersize=4.5, alpha=0.8)
        ax.plot(record["rates"], middles, dashes, color=colour, linewidth=1.2, alpha=0.6)
        words.append(f"{name} " + ", ".join(f"{m:.0f} at {r:g}" for r, m in zip(record["rates"], middles, strict=True)))
    for height, what in ((80, "80 %"), (10, "guessing")):
        ax.axhline(height, color=INK_BOTH, linewidth=1, linestyle=":")
        ax.annotate(what, (0, height), (4, 3), ("axes fraction", "data"), "offset points", fontsize=9)
    ax.set(xscale="log", xlabel="learning rate", ylabel="test images right, %", ylim=(0, 95))
    ax.set_xticks(record["rates"], [f"{rate:g}" for rate in record["rates"]])
    ax.minorticks_off()
    keys = [Line2D([], [], color=c, marker=m, linestyle=d, label=n) for n, c, m, d in ARMS.values()]
    _, colour, marker, _ = ARMS["without"]  # the only one that did
    keys.append(Line2D([], [], color=colour, marker=marker, linestyle="", markerfacecolor="none", label="overflowed"))
    ax.legend(handles=keys, loc="lower left", bbox_to_anchor=(0, 0.2))
    return show(fig, f"Median test accuracy in percent against the learning rate: {'; '.join(words)}.")


def losses(record: Mapping[str, Any], rate: float) -> Picture:
    """The training losses at a rate; a dotted line shows the level at which those without batch norm end."""
    arms = {f"{arm} {rate:g}": arm for arm in ARMS}
    without = f"without {rate:g}"
    return loss_curves(record, arms, colours=[each[1] for each in ARMS.values()], dashed=[without], level_of=without)


def brake(nets: Mapping[str, Any], data: LabelledImages, rate: float = 3) -> Picture:
    """The length of a 3x3's weights before each of twelve training steps, and the length of the step, in percent of it.

    `nets` are small GoogLeNets with the keys of `ARMS`; the 3x3 is that of block 3a. A copy of each trains in double
    precision on batches of 64 of `data`, by SGD without momentum, until a step overflows.
    """
    style()
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.1), layout="constrained")
    words = []
    for arm, net in nets.items():
        title, colour, marker, dashes = ARMS[arm]
        lengths, steps = _lengths(deepcopy(net).double().train(), data, rate)
        for ax, values in zip(axes, (lengths, steps), strict=True):
            ax.plot(range(1, len(values) + 1), values, dashes, marker=marker, markersize=4.5, color=colour, label=title)
        words.append(
            f"{title}, before steps 1 to {len(lengths)}: length {', '.join(f'{length:.3g}' for length in lengths)}; "
            f"step in percent of it {', '.join(f'{step:.2g}' for step in steps)}"
        )
    axes[0].set(title="length of the weights, √(sum of squares)", ylim=(5, 1000))
    axes[1].set(title="step, % of the weights' length", ylim=(0.2, 10_000))
    for ax in axes:
        ax.set(yscale="log", xlabel="step", xticks=range(1, 13))
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        ax.minorticks_off()
    axes[1].legend(loc="upper right")
    return show(fig, f"Weights of a 3x3 at a learning rate of {rate:g}. {'. '.join(words)}.")


def _lengths(net: Any, data: LabelledImages, rate: float) -> tuple[list[float], list[float]]:
    """Trains `net` as `brake` says; the lengths, and the steps in percent."""
    weight = net.block_3a.three[1][0].weight
    optimizer = torch.optim.SGD(net.parameters(), rate)
    lengths, steps = [], []
    with torch.random.fork_rng(devices=[]):  # dropout draws the same in every call
        torch.manual_seed(0)
        for start in range(0, 12 * 64, 64):
            batch = data[start : start + 64]
            loss = nn.functional.cross_entropy(net(batch.images.double()), batch.labels)
            before = weight.detach().clone()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step = (weight.detach() - before).norm()
            if not step.isfinite():
                break
            lengths.append(before.norm().item())
            steps.append(100 * step.item() / lengths[-1])
    return lengths, steps


def right_angle(lengths: Sequence[float] = (1, 3)) -> Picture:
    """Weights of these lengths as arrows, the step at a right angle to each, and by how many degrees it turns them.

    The step is 1 / length long, as after a batch norm.
    """
    style()
    fig, ax = plt.subplots(figsize=(8, 2.2))
    start, words = 0.0, []
    for length in lengths:
        step = 1 / length
        turned = math.degrees(math.atan2(step, length))
        for begin, end, colour in (
            ((0, 0), (length, 0), INK_BOTH),
            ((length, 0), (length, step), ORANGE),
            ((0, 0), (length, step), BLUE_BOTH),
        ):
            arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.8, "shrinkA": 0, "shrinkB": 0}
            ax.annotate("", (start + end[0], end[1]), (start + begin[0], begin[1]), arrowprops=arrow)
        corner = min(0.12, step / 3)
        ax.plot([start + length - corner] * 2 + [start + length], [0, corner, corner], color=INK_BOTH, linewidth=1)
        name = f"weights of length {length:g}"
        ax.text(start + length / 2, -0.08, name, ha="center", va="top", fontsize=9.5)
        ax.text(start + length + 0.06, step / 2, f"step {step:.2g}", va="center", fontsize=9.5)
        said = f"turned by {turned:.0f}°, {math.hypot(length, step) / length - 1:.1%} longer"
        ax.text(start + length / 2, step + 0.1, said, ha="center", va="bottom", fontsize=9.5)
        words.append(f"{name}, step {step:.2g}: {said}")
        start += length + 1.3
    ax.set(xlim=(-0.4, start - 0.4), ylim=(-0.3, max(1 / length for length in lengths) + 0.35), aspect="equal")
    ax.axis("off")
    return show(fig, f"Weights as arrows, and a step at a right angle to each. {'; '.join(words)}.")


def by_tens(losses: Mapping[str, Sequence[float]]) -> Picture:
    """Training losses, name -> one for each step, as the means of ten steps in a row; a line for each name."""
    style()
    fig, ax = plt.subplots(figsize=(7, 3))
    words, ends = [], {}
    for (name, each), colour in zip(losses.items(), (VERMILLION, BLUE_BOTH, GREEN), strict=True):
        means = [fmean(each[at : at + 10]) for at in range(0, len(each), 10)]
        ax.plot([10 * (at + 1) for at in range(len(means))], means, "o-", markersize=4, color=colour)
        ends[name] = means[-1], colour
        words.append(f"{name} from {means[0]:.2f} to {means[-1]:.2f}")
    ax.set(xlabel="step", ylabel="loss, mean of ten steps (nats)")
    name_ends(ax, len(each), ends)
    return show(fig, f"Training loss over {len(each)} steps, means of ten: {'; '.join(words)}.")
