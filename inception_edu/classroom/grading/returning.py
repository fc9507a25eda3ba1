"""Back to the learning platform: marks as the CSV that it reads, and pages of feedback as the zip that it hands out."""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from nbgrader.api import Gradebook

from ...data.files import write_whole
from .collecting import RECEIPT

BOM = "\ufeff"
"""Begins a CSV, so that spreadsheets read its letters right."""


class Marked(NamedTuple):
    """A student's final points for one assignment, and whose they are in the platform's words."""

    student: str
    points: float
    most: float
    receipt: dict[str, Any]


def marked(gradebook: Gradebook, submitted: Path, assignment: str) -> Iterator[Marked]:
    """Everyone with a mark for an assignment; penalties for being late are taken off."""
    for each in gradebook.assignment_submissions(assignment):
        path = submitted / each.student_id / assignment / RECEIPT
        receipt = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        penalty = sum(notebook.late_submission_penalty or 0 for notebook in each.notebooks)
        yield Marked(each.student_id, max(0.0, each.score - penalty), each.max_score, receipt)


def platform_tables(marks: list[Marked], assignment: str) -> dict[str, str]:
    """The text of a CSV for each platform from which notebooks came, by the name of its file."""
    tables = {}
    if moodle := [each for each in marks if each.receipt.get("platform") == "moodle"]:
        rows = [["Identifier", "Full name", "Grade", "Maximum grade"]]
        rows += [
            [f"Participant {each.receipt['number']}", each.receipt["name"], f"{each.points:g}", f"{each.most:g}"]
            for each in moodle
        ]
        tables[f"grades_{assignment}_moodle.csv"] = _csv(rows)
    if canvas := [each for each in marks if each.receipt.get("platform") == "canvas"]:
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", assignment]]
        rows.append(["    Points Possible", "", "", "", "", f"{canvas[0].most:g}"])
        rows += [[each.receipt["name"], each.receipt["number"], "", "", "", f"{each.points:g}"] for each in canvas]
        tables[f"grades_{assignment}_canvas.csv"] = _csv(rows)
    return tables


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return BOM + text.getvalue()


def feedback_zip(root: Path, submitted: Path, assignment: str) -> Path:
    """Packs the pages of feedback of an assignment under the names that the platform gave to what was handed in."""
    target = root / f"feedback_{assignment}.zip"
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for page in sorted((root / "feedback").glob(f"*/{assignment}/*.html")):
            student = page.parent.parent.name
            path = submitted / student / assignment / RECEIPT
            receipt = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            archive.write(page, _returned_as(student, receipt))
    write_whole(target, content.getvalue())
    return target


def _returned_as(student: str, receipt: dict[str, Any]) -> str:
    match receipt:
        case {"platform": "moodle", "name": name, "number": number}:
            return f"{name}_{number}_assignsubmission_file_/feedback.html"
        case {"platform": "canvas", "file": file}:
            return f"{PurePosixPath(file).name.partition('.')[0]}.html"
    return f"{student}/feedback.html"


def readable(page: str) -> str:
    """A page of feedback whose list of marks names the exercises, which nbgrader calls by their kind alone.

    Its folded hints can be recognised as such and its tables have gaps, as in the notebook.
    """
    names = r'<a href="#([\w.-]+?)(-check)?">(?:Test cell|Written response|Coding free-response|Task)</a>'
    page = re.sub(names, r'<a href="#\1\2">\1</a>', page)
    return page.replace("</head>", f"<style>{STYLE}</style></head>", 1)


STYLE = "summary { display: list-item } .text_cell_render :is(th, td) { padding: 2px 10px 2px 0 }"
