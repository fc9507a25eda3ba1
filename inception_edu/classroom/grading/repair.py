"""Puts what a student handed in back into the frame of what was handed out, without running any of it.

Nothing of a student's file is trusted but the text of cells: answers go into the frame, cells of the student's own
stay where they are, everything locked comes from the frame. What had to be repaired is reported in sentences.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell
from nbgrader.preprocessors import ClearHiddenTests
from nbgrader.utils import is_locked

NOTEBOOK = "exercises.ipynb"
BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
LARGEST = 200 * 2**20
"""Bytes of a file that are read: most of a large notebook is pictures in its outputs."""
MOST_TEXT = 2_000_000
"""Characters in all cells together."""
_CHECKED = re.compile(r"""\bcheck\(\s*["'](\d\d)\.""")

Cell = NotebookNode


class UnreadableError(ValueError):
    """Nothing of a submission can be read; the message is a sentence for the student."""


def find(folder: Path, name: str) -> tuple[Path, list[str]]:
    """The notebook of a submission: the file `name`, or else the only notebook that there is.

    Raises UnreadableError where there is none, or several under other names.
    """
    found = sorted(path for path in folder.glob("*.ipynb") if path.is_file() and not path.is_symlink())
    if folder / name in found:
        others = [path.name for path in found if path.name != name]
        return folder / name, [f"{other!r} was ignored: {name} is graded" for other in others]
    if len(found) == 1:
        return found[0], [f"{found[0].name!r} was graded as {name}"]
    if not found:
        raise UnreadableError(f"there is no notebook; hand in {name}")
    raise UnreadableError(
        f"there is no {name}, and several others could be meant: {', '.join(repr(path.name) for path in found)}"
    )


def read(path: Path, frame: NotebookNode) -> tuple[list[Cell], list[str]]:
    """The cells of a student's notebook, as bare text with their marks of identity, and what is odd about it.

    Outputs never count, and so are not kept. Raises UnreadableError for what is no notebook, or one of another chapter.
    """
    if (size := path.stat().st_size) > LARGEST:
        raise UnreadableError(
            f"{path.name!r} has {size / 2**20:.0f} MB; a notebook may have up to {LARGEST / 2**20:.0f} MB"
        )
    try:
        notebook = json.loads(path.read_bytes())
        raw = notebook["cells"] if "cells" in notebook else _of_format_3(notebook)
        cells = [bare(cell) for cell in raw]
        kernel = (notebook.get("metadata") or {}).get("kernelspec") or {}
        language = str(kernel.get("language") or "python")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UnreadableError(f"{path.name!r} is damaged: Jupyter could not open it as a notebook") from None
    if (text := sum(len(cell.source) for cell in cells)) > MOST_TEXT:
        raise UnreadableError(
            f"{path.name!r} has {text:,} characters in its cells; a notebook may have up to {MOST_TEXT:,}"
        )
    asked, found = chapters(frame.cells), chapters(cells)
    if asked and found and not asked & found:
        raise UnreadableError(f"this is chapter {', '.join(sorted(found))}; hand in chapter {', '.join(asked)}")
    wanted = frame.metadata.kernelspec
    if language.lower() != wanted.language:
        return cells, [
            f"the notebook asked for another kernel, {kernel.get('name')!r}; it was run with {wanted.name!r}"
        ]
    return cells, []


def chapters(cells: Sequence[Cell]) -> set[str]:
    """The chapters that the checks of a notebook name."""
    return {found for cell in cells if cell.cell_type == "code" for found in _CHECKED.findall(cell.source)}


def _of_format_3(notebook: Any) -> list[dict[str, Any]]:
    """The cells of a notebook as Jupyter wrote it until 2015, and some programs still do."""
    return [
        {**cell, "source": cell["input"] if cell["cell_type"] == "code" else cell["source"]}
        for sheet in notebook["worksheets"]
        for cell in sheet["cells"]
    ]


def bare(cell: Any) -> Cell:
    """A cell with its text, its id and its grade_id, whatever else was in it. Raises TypeError or the like."""
    source, metadata = cell["source"], cell.get("metadata") or {}
    text = source if isinstance(source, str) else "".join(source)
    text = text.encode(errors="replace").decode()  # half of a surrogate pair cannot be written again
    bare = _new(cell["cell_type"], text)
    bare.id = str(cell.get("id", ""))
    if pictures := _pictures(cell.get("attachments")):
        bare.attachments = pictures
    bare.metadata["grade_id"] = str((metadata.get("nbgrader") or {}).get("grade_id", ""))
    return bare


def _pictures(attachments: Any) -> dict[str, dict[str, str]]:
    """Of what was pasted into a text, the pictures."""
    return {
        str(name): {kind: data}
        for name, bundle in (attachments.items() if isinstance(attachments, dict) else ())
        for kind, data in (bundle.items() if isinstance(bundle, dict) else ())
        if kind in ("image/png", "image/jpeg", "image/gif") and isinstance(data, str) and BASE64.fullmatch(data)
    }


def mend(cells: Sequence[Cell], frame: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The frame with the answers among `cells` in it, and the student's own cells after the cell that they followed.

    A cell is known by its grade_id, else by its id, else, where it is locked, by its text. Answers without any name are
    known by what their check asks for, and else by their place, where as many strange cells are as answers are missing.
    An answer that was left as it was handed out is looked for in the student's own cells below.
    """
    ids = [cell.metadata.get("nbgrader", {}).get("grade_id", cell.id) for cell in frame.cells]
    shown = [cell.source.strip() for cell in ClearHiddenTests().preprocess(deepcopy(frame), {})[0].cells]
    known = _known(cells, frame, ids, shown)
    first: dict[int, Cell] = {}
    own: dict[int, list[Cell]] = defaultdict(list)  # by the cell of the frame that they follow, -1 at the top
    problems, after = [], -1
    for cell, number in zip(cells, known, strict=True):
        if number is None:
            own[after].append(cell)
        elif number not in first:
            first[number], after = cell, number
        else:
            problems.append(f"there are several cells named {ids[number]!r}: all were run, in order")
            if not is_locked(frame.cells[number]):
                own[after].append(cell)
    answers = {number: _asked_for(frame, number) for number, cell in enumerate(frame.cells) if not is_locked(cell)}
    for number in [number for number in answers if number not in first]:
        if found := _take(own, _defines(answers[number]), range(-1, len(ids))):
            first[number] = found[0]
            problems.append(f"the answer {ids[number]!r} had lost its name and was recognised by what it defines")
    gaps: dict[tuple[int, str], list[int]] = defaultdict(list)
    before = -1
    for number, cell in enumerate(frame.cells):
        if number in first:
            before = number
        elif number in answers:
            gaps[before, cell.cell_type].append(number)
    for (before, kind), missing_ones in gaps.items():
        strange = [cell for cell in own[before] if cell.cell_type == kind]
        if len(strange) == len(missing_ones):
            first.update(zip(missing_ones, strange, strict=True))
            own[before] = [cell for cell in own[before] if cell.cell_type != kind]
            problems += [
                f"the answer {ids[number]!r} had lost its name and was recognised by its place"
                for number in missing_ones
            ]
    problems += _found_below(frame, ids, answers, first, own)
    fitted = deepcopy(frame)
    fitted.cells = [_own(cell) for cell in own[-1]]
    missing, changed = [], []
    for number, cell in enumerate(deepcopy(frame.cells)):
        given = first.get(number)
        if given is None:
            if cell.cell_type == "code" or not is_locked(cell):
                missing.append(ids[number])
            if number in answers and cell.cell_type == "code" and own[number - 1]:
                cell.source = "# this cell was missing"  # a stub would undo what the strange cells before it define
        elif not is_locked(cell):
            cell.source = given.source
            if "attachments" in given and cell.cell_type == "markdown":
                cell.attachments = given.attachments
        elif cell.cell_type == "code" and given.source.strip() not in (cell.source.strip(), shown[number]):
            changed.append(ids[number])
        fitted.cells += [cell, *map(_own, own[number])]
    if missing:
        problems.append(f"missing, so put back: {', '.join(missing)}")
    if changed:
        problems.append(f"changed, so restored: {', '.join(changed)}")
    return fitted, problems


def _found_below(
    frame: NotebookNode,
    ids: Sequence[str],
    answers: Mapping[int, set[str]],
    first: dict[int, Cell],
    own: dict[int, list[Cell]],
) -> list[str]:
    """Takes answers from own cells below those that were left as they were handed out; says which."""
    problems = []
    for number, names in answers.items():
        stub = frame.cells[number]
        if number not in first or first[number].source.strip() != stub.source.strip():
            continue
        if stub.cell_type == "code":
            check = next((n for n in range(number + 1, len(ids)) if is_locked(frame.cells[n])), len(ids))
            found = _take(own, _defines(names), range(check, len(ids)))
            found = found[-1:]  # the last one decides
        else:
            found = _take(own, lambda cell: cell.cell_type == "markdown", range(number, number + 1))
        if found:
            first[number] = deepcopy(found[0])
            first[number].source = "\n\n".join(cell.source for cell in found)
            for cell in found[1:]:
                first[number].setdefault("attachments", {}).update(cell.get("attachments", {}))
            problems.append(f"the answer {ids[number]!r} was found in a later cell")
    return problems


def _take(own: dict[int, list[Cell]], wanted: Callable[[Cell], bool], places: range) -> list[Cell]:
    """Removes from `own`, and returns, the cells at these places that are wanted: all at the first place with any."""
    for place in places:
        if found := [cell for cell in own.get(place, ()) if wanted(cell)]:
            own[place] = [cell for cell in own[place] if not wanted(cell)]
            return found
    return []


def _asked_for(frame: NotebookNode, number: int) -> set[str]:
    """The names that the check after an answer hands over, and that the answer's stub is to define."""
    for cell in frame.cells[number + 1 :]:
        if cell.cell_type == "code" and is_locked(cell):
            calls = [node for node in ast.walk(_parsed(cell.source)) if isinstance(node, ast.Call)]
            asked = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "check"]
            return {node.id for call in asked for node in ast.walk(call) if isinstance(node, ast.Name)} - {"check"}
        if not is_locked(cell):
            break
    return set()


def _defines(names: set[str]) -> Callable[[Cell], bool]:
    return lambda cell: bool(names & defined(cell))


def defined(cell: Cell) -> set[str]:
    """The names that a code cell defines at its top."""
    names = set()
    for node in _parsed(cell.source).body if cell.cell_type == "code" else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)}
    return names


def _parsed(source: str) -> ast.Module:
    lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
    try:
        return ast.parse("\n".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.parse("")


def _known(cells: Sequence[Cell], frame: NotebookNode, ids: list[str], shown: list[str]) -> list[int | None]:
    """For each cell the number of the cell of the frame that it is, or None."""
    by_id = {cell.id: number for number, cell in enumerate(frame.cells)}
    by_text = {shown[number]: number for number, cell in enumerate(frame.cells) if is_locked(cell)}
    by_grade_id = {name: number for number, name in enumerate(ids)}
    return [
        by_grade_id.get(cell.metadata.grade_id, by_id.get(cell.id, by_text.get(cell.source.strip()))) for cell in cells
    ]


def _own(cell: Cell) -> Cell:
    """A student's own cell, without any mark of identity."""
    new = _new(cell.cell_type, cell.source)
    if "attachments" in cell and new.cell_type == "markdown":
        new.attachments = cell.attachments
    return new


def _new(kind: str, text: str) -> Cell:
    """A cell with nothing but its text: code, or else markdown."""
    return new_code_cell(text) if kind == "code" else new_markdown_cell(text)
