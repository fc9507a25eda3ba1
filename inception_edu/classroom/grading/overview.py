"""A class at a glance: how each exercise went, and which notebooks are alike."""

import csv
import io
import re
import statistics
import tokenize
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from html import unescape
from itertools import combinations
from typing import NamedTuple

from nbformat import NotebookNode
from nbgrader.utils import is_grade, is_locked, is_solution


class Statistics(NamedTuple):
    """How one exercise went."""

    exercise: str
    students: int
    mean: float  # share of its points, 0 to 1
    right: float  # share of students with every point
    discrimination: float | None  # correlation with the points of all other exercises; None where all did alike
    sentence: str  # what most were told
    times: int


def by_exercise(notebooks: Iterable[NotebookNode]) -> list[Statistics]:
    """How the exercises of autograded notebooks went that a machine marks."""
    shares: dict[str, list[float]] = {}
    told: dict[str, Counter[str]] = {}
    for notebook in notebooks:
        for cell in notebook.cells:
            if not (cell.cell_type == "code" and is_grade(cell) and is_locked(cell)):
                continue
            name = cell.metadata.nbgrader.grade_id.removesuffix("-check")
            data: dict[str, str] = next((output.data for output in cell.outputs if "data" in output), {})
            points, most = float(data.get("text/plain", 0)), float(cell.metadata.nbgrader.points)
            shares.setdefault(name, []).append(points / most if most else 1.0)
            sentences = re.findall(r"<b>look:</b> (.*?)</span>", data.get("text/html", ""))
            told.setdefault(name, Counter()).update(dict.fromkeys(map(unescape, sentences), 1))
    totals = [sum(row) for row in zip(*shares.values(), strict=True)]
    rows = []
    for name, got in shares.items():
        rest = [total - own for total, own in zip(totals, got, strict=True)]
        varied = len(set(got)) > 1 and len(set(rest)) > 1
        sentence, times = next(iter(told[name].most_common(1)), ("", 0))
        apart = statistics.correlation(got, rest) if varied else None
        rows.append(Statistics(name, len(got), statistics.mean(got), got.count(1.0) / len(got), apart, sentence, times))
    return rows


def table(rows: Sequence[Statistics]) -> str:
    """The rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["exercise", "students", "mean share", "all points", "discrimination", "most frequent sentence", "times"]
    writer.writerow(heads)
    for row in rows:
        apart = "" if row.discrimination is None else f"{row.discrimination:.2f}"
        writer.writerow(
            [row.exercise, row.students, f"{row.mean:.2f}", f"{row.right:.2f}", apart, row.sentence, row.times]
        )
    return text.getvalue()


class Pair(NamedTuple):
    """Two students and the share of runs of five tokens, 0 to 1, that their own texts have in common."""

    first: str
    second: str
    share: float


def alike(notebooks: Mapping[str, NotebookNode], frame: NotebookNode, least: float = 0.9) -> list[Pair]:
    """The pairs of students whose answers are the same or nearly: a reason to look, and proof of nothing.

    Comments, spaces and line breaks do not count, nor does what was handed out. Answers that hold next to nothing, and
    those of right solutions to short exercises, are alike by nature.
    """
    given = _runs(frame)
    runs = {student: _runs(notebook) - given for student, notebook in notebooks.items()}
    pairs = []
    for (a, first), (b, second) in combinations(sorted(runs.items()), 2):
        union = len(first | second)
        if min(len(first), len(second)) >= 40 and (share := len(first & second) / union) >= least:
            pairs.append(Pair(a, b, share))
    return sorted(pairs, key=lambda pair: -pair.share)


def _runs(notebook: NotebookNode) -> set[tuple[str, ...]]:
    found = set()
    for cell in notebook.cells:
        if is_solution(cell):
            words = _words(cell.source, cell.cell_type == "code")
            found |= {tuple(words[at : at + 5]) for at in range(max(0, len(words) - 4))}
    return found


def _words(source: str, code: bool) -> list[str]:
    if not code:
        return re.findall(r"\w+", source.casefold())
    skip = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT)
    try:
        return [each.string for each in tokenize.generate_tokens(io.StringIO(source).readline) if each.type not in skip]
    except (tokenize.TokenError, SyntaxError):
        return re.findall(r"\w+|\S", source)
