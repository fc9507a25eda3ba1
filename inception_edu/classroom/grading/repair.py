"""Puts what a student handed in back into the frame of what was handed out, without running any of it.

Nothing of a student's file is trusted but the text of cells: answers go into the frame, cells of the student's own
stay where they are, everything locked comes from the frame. What had to be mended is told in sentences.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.utils import is_locked

NOTEBOOK = "exercises.ipynb"
LARGEST = 20 * 2**20
"""Bytes of a notebook file; a longer one is not read."""

Cell = NotebookNode


class UnreadableError(ValueError):
    """Nothing of a submission can be read; the message is a sentence for its student."""


def find(folder: Path, name: str) -> tuple[Path, list[str]]:
    """The notebook of a submission: the file `name`, or else the only notebook that there is.

    Raises UnreadableError where there is none, or several under other names.
    """
    found = sorted(path for path in folder.glob("*.ipynb") if path.is_file() and not path.is_symlink())
    if folder / name in found:
        others = [path.name for path in found if path.name != name]
        return folder / name, [f"{other!r} was left aside: {name} is graded" for other in others]
    if len(found) == 1:
        return found[0], [f"{found[0].name!r} was taken for {name}"]
    if not found:
        raise UnreadableError(f"there is no notebook; {name} is asked for")
    raise UnreadableError(f"there is no {name}, but several others: {', '.join(repr(path.name) for path in found)}")


def read(path: Path, frame: NotebookNode) -> tuple[list[Cell], list[str]]:
    """The cells of a student's notebook, as bare text with their marks of identity, and what is odd about it.

    Raises UnreadableError for what is no notebook.
    """
    if (size := path.stat().st_size) > LARGEST:
        raise UnreadableError(
            f"{path.name!r} has {size / 2**20:.0f} MB, and notebooks up to {LARGEST / 2**20:.0f} are read"
        )
    try:
        notebook = json.loads(path.read_bytes())
        raw = notebook["cells"]
        cells = [bare(cell) for cell in raw]
        kernel = notebook.get("metadata", {}).get("kernelspec", {})
        language = str(kernel.get("language", "python"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableError(f"{path.name!r} is damaged: it is no notebook that Jupyter could open") from None
    wanted = frame.metadata.kernelspec
    if language.lower() != wanted.language:
        return cells, [
            f"the notebook was set to another kernel, {kernel.get('name')!r}; it was run with {wanted.name!r}"
        ]
    return cells, []


def bare(cell: Any) -> Cell:
    """A cell with its text, its id and its grade_id, whatever else stood in it. Raises TypeError or the like."""
    source = cell["source"]
    text = source if isinstance(source, str) else "".join(source)
    text = text.encode(errors="replace").decode()  # half of a surrogate pair cannot be written again
    bare = _new(cell["cell_type"], text)
    bare.id = str(cell.get("id", ""))
    bare.metadata["grade_id"] = str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))
    return bare


def fit(cells: Sequence[Cell], frame: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The frame with the answers among `cells` in it, and the student's own cells after the cell that they followed.

    A cell is known by its grade_id, else by its id, else, where it is locked, by its text. Answers without
    any name are known by their place, where as many strange cells stand as answers are missing.
    """
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id", cell.id) for cell in frame.cells]
    known = _known(cells, frame, ids)
    first: dict[int, Cell] = {}
    own: dict[int, list[Cell]] = defaultdict(list)  # by the cell of the frame that they follow, -1 at the top
    problems, after = [], -1
    for cell, number in zip(cells, known, strict=True):
        if number is None:
            own[after].append(cell)
        elif number not in first:
            first[number], after = cell, number
        else:
            problems.append(f"there are several cells {ids[number]!r}: the first was taken")
            if not is_locked(frame.cells[number]):
                own[after].append(cell)
    gaps: dict[tuple[int, str], list[int]] = defaultdict(list)
    before = -1
    for number, cell in enumerate(frame.cells):
        if number in first:
            before = number
        elif not is_locked(cell):
            gaps[before, cell.cell_type].append(number)
    for (before, kind), answers in gaps.items():
        strange = [cell for cell in own[before] if cell.cell_type == kind]
        if len(strange) == len(answers):
            first.update(zip(answers, strange, strict=True))
            own[before] = [cell for cell in own[before] if cell.cell_type != kind]
            problems += [
                f"the answer {ids[number]!r} had lost its name and was known by its place" for number in answers
            ]
    fitted = deepcopy(frame)
    fitted.cells = [_new(cell.cell_type, cell.source) for cell in own[-1]]
    missing, changed = [], []
    for number, cell in enumerate(deepcopy(frame.cells)):
        given = first.get(number)
        if given is None:
            if cell.cell_type == "code" or not is_locked(cell):
                missing.append(ids[number])
        elif not is_locked(cell):
            cell.source = given.source
        elif cell.cell_type == "code" and given.source.strip() not in (
            cell.source.strip(),
            _shown(cell.source).strip(),
        ):
            changed.append(ids[number])
        fitted.cells += [cell, *(_new(each.cell_type, each.source) for each in own[number])]
    if missing:
        problems.append(f"missing, and put back: {', '.join(missing)}")
    if changed:
        problems.append(f"changed, and set right: {', '.join(changed)}")
    return fitted, problems


def _known(cells: Sequence[Cell], frame: NotebookNode, ids: list[str]) -> list[int | None]:
    """For each cell the number of the cell of the frame that it is, or None."""
    by_id = {cell.id: number for number, cell in enumerate(frame.cells)}
    by_text = {_shown(cell.source).strip(): number for number, cell in enumerate(frame.cells) if is_locked(cell)}
    by_grade_id = {name: number for number, name in enumerate(ids)}
    return [
        by_grade_id.get(cell.metadata.grade_id, by_id.get(cell.id, by_text.get(cell.source.strip()))) for cell in cells
    ]


def _shown(source: str) -> str:
    """The part of a cell that students get: nbgrader's hidden tests are cut out."""
    shown, hidden = [], False
    for line in source.split("\n"):
        if "BEGIN HIDDEN TESTS" in line or "END HIDDEN TESTS" in line:
            hidden = "BEGIN" in line
        elif not hidden:
            shown.append(line)
    return "\n".join(shown)


def _new(kind: str, text: str) -> Cell:
    """A cell with nothing but its text: code, or else markdown."""
    return new_code_cell(text) if kind == "code" else new_markdown_cell(text)
