"""Runs exercises in this process: a solution, the untouched stub, wrong answers, and mutations of the solution."""

import ast
import json
import tomllib
import warnings
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from inception_edu.classroom import Mark, mark
from inception_edu.classroom.checking import recorded
from inception_edu.classroom.checking.marking import evidence_for, tasks
from inception_edu.classroom.handout import SOLUTION, without_solutions
from inception_edu.classroom.sealing import given

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (ROOT / "chapters" / "exercises").glob("*/exercises.ipynb"))


@cache
def notebook(folder: Path) -> dict[str, dict[str, Any]]:
    """The cells of an exercises notebook by their nbgrader id."""
    cells = json.loads((folder / "exercises.ipynb").read_text(encoding="utf-8"))["cells"]
    return {cell["metadata"]["nbgrader"]["grade_id"]: cell | {"source": "".join(cell["source"])} for cell in cells}


@cache
def hidden(folder: Path) -> dict[str, Any]:
    """The hidden settings and what is expected of them."""
    return json.loads((folder / "hidden.json").read_text(encoding="utf-8"))


@cache
def wrong_answers(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Edits of the solutions, by exercise: `old`, `new`, the `mark` they get and a `line` of their feedback."""
    return tomllib.loads((ROOT / "tests" / "wrong_answers" / f"{folder.name[:2]}.toml").read_text(encoding="utf-8"))


def exercises(folder: Path) -> list[str]:
    """The exercises that are marked by the machine."""
    return list(tasks(folder.name[:2]))


def solution(folder: Path, name: str) -> str:
    """The code of an exercise with its solution."""
    return notebook(folder)[name]["source"]


def stub(code: str) -> str:
    """What a student gets for it."""
    (cell,) = without_solutions({"cells": [{"cell_type": "code", "source": code}]})["cells"]
    return "".join(cell["source"])


@cache
def _given(folder: Path) -> dict[str, Any]:
    return vars(given(folder / "exercises.ipynb"))


def setup(folder: Path) -> dict[str, Any]:
    """What a notebook gives to its answers, in a dict of its own."""
    return dict(_given(folder))


def graded(folder: Path, name: str, code: str) -> Mark:
    """The mark of an answer, hidden settings included, as the grader would give it."""
    exercise = f"{folder.name[:2]}.{name}"
    shown, secret = tasks(folder.name[:2])[name], hidden(folder).get(name)
    space = setup(folder)
    settings = [*shown["settings"], *(secret["settings"] if secret else ())]
    with recorded() as answers, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # in a notebook a warning is printed, and nothing stops
        try:
            exec(code, space)
            exec(notebook(folder)[f"{name}-check"]["source"], space)
        except Exception:  # as in a notebook: the check then has nothing to look at
            answers[exercise] = None
        return mark(exercise, evidence_for(shown, answers[exercise], settings), secret)


# ---- mutations ---------------------------------------------------------------------------------


def mutants(code: str) -> Iterator[tuple[str, str]]:
    """Each mutation of the numbers and orders in the solution of `code`: what was done, and the code with it.

    Every whole number becomes one more and one less; every two neighbours in a call, tuple, list or dict change places.
    """
    match = SOLUTION.search(code)
    assert match
    first = code[: match.start()].count("\n") + 1
    last = first + match.group().count("\n")
    for node in ast.walk(ast.parse(code)):
        if not first <= getattr(node, "lineno", 0) <= last:
            continue
        if isinstance(node, ast.Constant) and type(node.value) is int:
            for other in (node.value + 1, node.value - 1):
                yield f"line {node.lineno}: {node.value} -> {other}", _replaced(code, (node, str(other)))
        rows = {ast.Call: "args", ast.Tuple: "elts", ast.List: "elts", ast.Dict: "values"}
        row = getattr(node, rows.get(type(node), ""), []) if type(node) in rows else []
        for a, b in pairwise(row):
            if not isinstance(a, ast.Starred) and not isinstance(b, ast.Starred) and ast.dump(a) != ast.dump(b):
                texts = ast.get_source_segment(code, a), ast.get_source_segment(code, b)
                yield f"line {a.lineno}: {texts[0]} <-> {texts[1]}", _replaced(code, (a, texts[1]), (b, texts[0]))


def _replaced(code: str, *edits: tuple[ast.expr, str | None]) -> str:
    """`code` with the source of each node replaced."""
    lines = code.encode().splitlines(keepends=True)  # ast counts columns in bytes
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    data = code.encode()
    for node, text in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        assert text is not None
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        data = data[:begin] + text.encode() + data[end:]
    return data.decode()
