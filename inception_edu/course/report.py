"""The report of the final project: one HTML file that holds everything, to hand in or to keep.

>>> project_report("my_network.html", net, history, test, name="Ada", logbook=Logbook())
"""

from dataclasses import dataclass
from pathlib import Path

import jinja2
import torch
from markupsafe import Markup

from ..data.fashion import LabelledImages
from ..data.files import write_whole
from ..network import InceptionNet
from ..running import predict
from ..show import palette
from ..show.drawing import diagram
from ..show.html import table
from ..show.tables import summary
from ..tracing import trace
from ..train.loop import History
from .challenge import BUDGET, Budget, Logbook

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Recognised:
    """How a network classifies images: it took `confusion[i][j]` of those of class i for class j."""

    classes: tuple[str, ...]
    confusion: tuple[tuple[int, ...], ...]

    @property
    def accuracy(self) -> float:
        """The share of all images that were classified correctly."""
        right = sum(row[i] for i, row in enumerate(self.confusion))
        return right / sum(map(sum, self.confusion))

    @property
    def by_class(self) -> dict[str, float]:
        """Class -> the share of its images that were classified correctly; 0 if there were none."""
        shares = [row[i] / sum(row) if sum(row) else 0.0 for i, row in enumerate(self.confusion)]
        return dict(zip(self.classes, shares, strict=True))

    @property
    def worst(self) -> tuple[str, str, int]:
        """The most frequent mistake: the true class, the answer, how many times."""
        count = len(self.classes)
        mistakes = [(self.confusion[i][j], -i, -j) for i in range(count) for j in range(count) if i != j]
        times, i, j = max(mistakes)
        return self.classes[-i], self.classes[-j], times


def recognise(net: InceptionNet, data: LabelledImages) -> Recognised:
    """How `net` classifies `data`, class by class, in evaluation mode on one core."""
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

    Raises ValueError for an empty name, ShapeError if the network cannot read the budget's images, OSError if the
    file cannot be written.
    """
    if not name.strip():
        raise ValueError("a report needs the name of its author")
    node = trace(net, budget.image, name="design")
    blocks = [child for child in node.children[:-1] if child.children]
    found = recognise(net, test)
    report = _ENVIRONMENT.get_template("report.html").render(
        title=title,
        name=name,
        remarks=remarks.strip(),
        price=budget.verdict(net),
        parts=summary(node),
        drawings=[diagram(part, macs_share=True) for part in (node, *blocks)],
        last=history.last,
        curves=history.plot(),
        images=len(test),
        found=found,
        error=100 * (found.accuracy * (1 - found.accuracy) / len(test)) ** 0.5,
        confusion=_confusion(found),
        logbook=logbook,
        palette=palette,
        torch=torch.__version__,
    )
    return write_whole(path, report)


def _confusion(found: Recognised) -> str:
    """Rows are the true classes, columns the answers; a darker cell holds a larger share of its row."""
    cell = Markup('<span class="cell" style="--share: {:.2f}">{}</span>')
    rows = [
        (name, *(cell.format(0.5 * n / max(1, sum(row)), n) for n in row), f"{share:.1%}")
        for name, row, share in zip(found.classes, found.confusion, found.by_class.values(), strict=True)
    ]
    caption = "Rows: what the picture shows. Columns: what the network says. Last: share classified correctly"
    return table(("", *found.classes, "correct"), rows, caption=caption, left=(0,))
