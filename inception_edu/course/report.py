"""The report of the final project: one HTML file that holds everything, to be handed in or kept.

>>> project_report("my_network.html", net, history, test, name="Ada", logbook=Logbook())
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import torch

from ..data.fashion import LabelledImages
from ..data.files import write_whole
from ..network import InceptionNet
from ..running import predict
from ..show import palette
from ..show.drawing import diagram
from ..show.tables import summary
from ..tracing import trace
from ..train.loop import History
from .challenge import BUDGET, Budget, Logbook

_STYLE = f"""
:root {{ color-scheme: light dark; --ink: {palette.INK_LIGHT}; --page: #ffffff; --line: #8886; --cell: 0, 114, 178; }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: {palette.INK_DARK}; --page: #14171a; --cell: 86, 180, 233; }} }}
body {{ font-family: {palette.FONT}; color: var(--ink); background: var(--page); line-height: 1.5;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ margin-bottom: 0; }}
h2 {{ margin-top: 2.2rem; font-size: 1.2rem; }}
figure {{ margin: 1rem 0; overflow-x: auto; }}
svg {{ max-width: 100%; height: auto; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; font-weight: 600; padding-bottom: 0.3rem; }}
th, td {{ padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--line); text-align: left; }}
.number {{ text-align: right; }}
@media print {{ body {{ margin: 0; }} h2 {{ break-after: avoid; }} figure, table {{ break-inside: avoid; }} }}
"""


@dataclass(frozen=True)
class Recognised:
    """How a network does on images: `confusion[i][j]` of the images of class i were called class j."""

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def accuracy(self) -> float:
        """The share of all images that were recognised."""
        right = sum(row[i] for i, row in enumerate(self.confusion))
        return right / sum(map(sum, self.confusion))

    @property
    def by_class(self) -> dict[str, float]:
        """Class -> the share of its images that were recognised; 0 where there were none."""
        shares = [row[i] / sum(row) if sum(row) else 0.0 for i, row in enumerate(self.confusion)]
        return dict(zip(self.classes, shares, strict=True))

    @property
    def worst(self) -> tuple[str, str, int]:
        """The commonest mistake: the true class, what it was called, how many times."""
        count = len(self.classes)
        mistakes = [(self.confusion[i][j], -i, -j) for i in range(count) for j in range(count) if i != j]
        times, i, j = max(mistakes)
        return self.classes[-i], self.classes[-j], times


def recognise(net: InceptionNet, data: LabelledImages) -> Recognised:
    """What `net` makes of `data`, class by class, in evaluation mode on one core."""
    count = len(data.class_names)
    cells = torch.bincount(data.labels * count + predict(net, data.images).argmax(1), minlength=count * count)
    return Recognised(data.class_names, tuple(map(tuple, cells.view(count, count).tolist())))


def project_report(
    path: str | Path,
    net: InceptionNet,
    history: History,
    test: LabelledImages,
    *,
    name: str,
    title: str = "A network under a budget",
    logbook: Logbook | None = None,
    remarks: str = "",
    budget: Budget = BUDGET,
) -> Path:
    """Writes the report of `net` to `path`, whole or not at all, and returns that path.

    It holds the reader's `name`, the verdict of the budget, the table of parts, drawings of the whole and of each
    block with shares of MACs (multiply-adds of conv and linear layers for one image), the curves of `history`,
    accuracy by class and confusion on `test`, the changes kept and rejected in `logbook`, and `remarks` in the
    reader's own words. Nothing in the file is loaded from elsewhere, and all that the reader writes is escaped.

    Raises ValueError for an empty name, ShapeError where the network cannot read the budget's images, OSError where
    the file cannot be written.
    """
    if not name.strip():
        raise ValueError("a report needs the name of who made the network")
    node = trace(net, budget.image, name="design")
    blocks = [child for child in node.children[:-1] if child.children]
    found = recognise(net, test)
    last = history.last
    error = (found.accuracy * (1 - found.accuracy) / len(test)) ** 0.5
    true, called, times = found.worst
    training = f"{last.number} epochs, training accuracy {last.accuracy:.1%} in the last"
    if last.valid_accuracy is not None:
        training += f", validation {last.valid_accuracy:.1%}"
    sections = {
        "Price": f"<p>{escape(budget.verdict(net))}.</p><div class='wide'>{summary(node)._repr_html_()}</div>",
        "Drawing": "".join(f"<figure>{diagram(part, macs_share=True)}</figure>" for part in (node, *blocks)),
        "Training": f"<p>{training}.</p><figure>{_curves(history)}</figure>",
        "On test images": (
            f"<p><b>{found.accuracy:.2%} of {len(test):,} test images</b>, standard error {100 * error:.2f} points. "
            f"The commonest mistake: {escape(true)} taken for {escape(called)}, {times} times.</p>"
            f"<div class='wide'>{_confusion(found)}</div>"
        ),
        "Logbook": f"<div class='wide'>{logbook._repr_html_()}</div>"
        if logbook and logbook.entries
        else "<p>No change was logged.</p>",
    }
    if remarks.strip():
        sections["Remarks"] = f"<p>{escape(remarks)}</p>"
    body = "".join(f"<h2>{heading}</h2>\n{html}\n" for heading, html in sections.items())
    return write_whole(
        path,
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f"<meta name='viewport' content='width=device-width'><title>{escape(title)}: {escape(name)}</title>"
        f"<style>{_STYLE}</style></head>\n<body><h1>{escape(title)}</h1><p>by {escape(name)}</p>\n{body}"
        f"<p><small>Counted by trace and computed with torch {torch.__version__}.</small></p></body></html>\n",
    )


def _curves(history: History) -> str:
    """The curves in the page's own colour, whatever matplotlib was told before."""
    import matplotlib.pyplot as plt

    from ..show.figures import style

    with plt.rc_context():
        style()
        picture = history.plot()
    return f"<div role='img' aria-label='{escape(picture.description)}'>{picture.svg}</div>"


def _confusion(found: Recognised) -> str:
    """Rows are the true classes, columns the answers; a darker cell holds a larger share of its row."""
    heads = "".join(f"<th scope='col'>{escape(name)}</th>" for name in found.classes)
    lines = []
    for name, row, share in zip(found.classes, found.confusion, found.by_class.values(), strict=True):
        total = max(1, sum(row))
        cells = "".join(
            f"<td class='number' style='background:rgba(var(--cell), {0.5 * n / total:.2f})'>{n}</td>" for n in row
        )
        lines.append(f"<tr><th scope='row'>{escape(name)}</th>{cells}<td class='number'>{share:.1%}</td></tr>")
    caption = "Rows: what the picture shows. Columns: what the network says. Last: share recognised"
    return (
        f"<table><caption>{caption}</caption><thead><tr><td></td>{heads}<th scope='col'>recognised</th></tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>"
    )
