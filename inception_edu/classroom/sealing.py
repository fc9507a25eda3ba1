"""The author's side of the exercises: from solutions to digests.

    python -m inception_edu.classroom.sealing [--check]      run it at the top of a checkout

Next to each chapters/exercises/NN_topic/exercises.ipynb, whose solution cells hold the solutions, `key.py` defines
`KEY`: for each exercise its points, the settings that are shown and hidden, and the wrong answers that show a
misconception. From both this writes assets/exercises/NN.json, which students get, and hidden.json next to the key,
which they do not.
"""

import argparse
import json
import runpy
import sys
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ..data.files import write_whole
from .checking import recorded
from .checking.evidence import bounded, gather, plain, recomputed
from .checking.marking import digest, failure, seal
from .keys import Answer, Builds, Computes, Designs, Key


class KeyMismatchError(ValueError):
    """A key contradicts itself or its notebook; the message says where."""


def cells(notebook: Path) -> dict[str, str]:
    """The code of a notebook, cell by cell in order, under its nbgrader id or else its cell id."""
    found = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return {
        cell["metadata"].get("nbgrader", {}).get("grade_id", cell["id"]): "".join(cell["source"])
        for cell in found
        if cell["cell_type"] == "code"
    }


def given(notebook: Path) -> SimpleNamespace:
    """What a notebook defines in its cells of code that are neither answers nor checks: what students are given."""
    space: dict[str, Any] = {"__name__": "__exercises__"}
    code = cells(notebook)
    for name, source in code.items():
        if not name.endswith("-check") and f"{name}-check" not in code:
            exec(compile(source, f"{notebook.parent.name}:{name}", "exec"), space)
    return SimpleNamespace(**space)


def solved(notebook: Path) -> dict[str, object]:
    """What the solutions of a notebook pass to `check`, by exercise."""
    space: dict[str, Any] = {"__name__": "__exercises__"}
    with recorded() as answers:
        for name, code in cells(notebook).items():
            exec(compile(code, f"{notebook.parent.name}:{name}", "exec"), space)  # our own solutions
    return answers


def expectations(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What students get and what stays with the teacher, for the exercises in `folder`.

    Raises KeyMismatchError where the key and the notebook differ, or two wrong answers cannot be told apart.
    """
    chapter = folder.name[:2]
    key: Mapping[str, Key] = runpy.run_path(str(folder / "key.py"))["KEY"]
    answers = solved(folder / "exercises.ipynb")
    asked = {f"{chapter}.{name}" for name in key}
    if asked != set(answers):
        raise KeyMismatchError(
            f"{folder.name}: only in the key or only in a check: {', '.join(sorted(asked ^ set(answers)))}"
        )
    shown: dict[str, Any] = {}
    hidden: dict[str, Any] = {}
    for name, task in key.items():
        salt = f"{chapter}.{name}"
        shown[name], secret = _expect(task, answers[salt], salt)
        if secret:
            hidden[name] = secret
    return shown, hidden


def _expect(task: Key, answer: object, salt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The shown and the hidden half of what is expected of one exercise."""
    shown: dict[str, Any] = {"kind": task.kind, "points": task.points}
    if isinstance(task, Designs):
        (piece,) = _evidence(task.kind, answer, [((), task.shape)], salt)
        costs, _ = recomputed(piece, task.shape)
        bounds: dict[str, Any] = {"output": list(task.output)}
        for how, limits in (("most", task.most), ("least", task.least)):
            for what, limit in limits.items():
                bounds.setdefault(what, {})[how] = limit
                has = bounded(costs[what], how)
                if (has > limit) if how == "most" else (has < limit):
                    raise KeyMismatchError(f"{salt}: the solution has {has:,} {what}, at {how} {limit:,} are asked for")
        if costs["output"] != bounds["output"]:
            raise KeyMismatchError(f"{salt}: the solution outputs {costs['output']}, {bounds['output']} is asked for")
        return {**shown, "settings": [plain(((), task.shape))], "expected": [bounds]}, {}
    shown |= {"digits": task.digits} | {name: said for name in ("ask", "twin") if (said := getattr(task, name, ""))}
    shown |= {name: False for name in ("partial", "tell") if not getattr(task, name, True)}
    if isinstance(task, Answer):
        (found,) = _evidence(task.kind, answer, [None], salt)
        return {**shown, "settings": [None], "expected": [seal(found, salt, task.digits)]} | _told(
            task, found, salt
        ), {}
    halves, truth = [], []
    for settings in (plain(task.shown), plain(task.hidden)):
        found = _evidence(task.kind, answer, settings, salt)
        slips = [
            {"says": says, "sealed": [_slipped(task, wrong, each, salt) for each in settings]}
            for says, wrong in task.slips.items()
        ]
        expected = [_expected(task, each, salt) for each in found]
        truth += [_sealed_whole(task, each, salt) for each in found]
        halves.append({"settings": settings, "expected": expected, "slips": slips})
    first, second = halves
    told = [[*a["sealed"], *b["sealed"]] for a, b in zip(first["slips"], second["slips"], strict=True)]
    _distinct([truth, *told], salt)
    return shown | first, (second if second["settings"] else {})


def _evidence(kind: str, answer: object, settings: Sequence[Any], salt: str) -> list[Any]:
    found = gather(kind, answer, settings)
    for setting, piece in zip(settings, found, strict=True):
        if piece is None or failure(piece):
            raise KeyMismatchError(f"{salt}: the solution gives {piece} for {setting}")
    return found


def _expected(task: Key, piece: Any, salt: str) -> Any:
    """One expected piece; of a module, the parts stay open, so that feedback can name them."""
    if not isinstance(task, Builds):
        return seal(piece, salt, task.digits if isinstance(task, Computes) else 6)
    return {"parts": piece["parts"], "output": piece["output"], "numbers": seal(piece["numbers"], salt, task.digits)}


def _slipped(task: Computes | Builds, wrong: Callable[..., Any], setting: Any, salt: str) -> Any:
    (piece,) = _evidence(task.kind, wrong, [setting], salt)
    return _sealed_whole(task, piece, salt)


def _sealed_whole(task: Computes | Builds, piece: Any, salt: str) -> Any:
    """What a slip is recognised by: a module by its parts, a function by what it returns."""
    return digest(piece["parts"], salt) if isinstance(task, Builds) else seal(piece, salt, task.digits)


def _told(task: Answer, found: Any, salt: str) -> dict[str, Any]:
    """The slips of an answer: where, what is said, and the sealed wrong value."""
    nested = isinstance(found, dict)
    groups = task.slips.items() if nested else [(None, task.slips)]
    slips = []
    for at, wrongs in groups:
        told = [(says, seal(plain(wrong), salt, task.digits)) for wrong, says in wrongs.items()]
        _distinct([seal(found[at] if nested else found, salt, task.digits), *(each for _, each in told)], salt)
        slips += [{"at": at, "says": says, "sealed": [each]} for says, each in told]
    return {"slips": slips}


def _distinct(wholes: Sequence[Any], salt: str) -> None:
    if any(a == b for a, b in combinations(wholes, 2)):
        raise KeyMismatchError(
            f"{salt}: two slips, or a slip and the truth, give the same answer: choose other numbers"
        )


def main() -> None:
    """Writes the digests of every chapter, or with --check says which are not up to date."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not up to date")
    check = parser.parse_args().check
    root = Path(__file__).resolve().parents[2]
    stale = []
    for key in sorted((root / "chapters" / "exercises").glob("*/key.py")):
        shown, hidden = expectations(key.parent)
        for path, content in (
            (root / "assets" / "exercises" / f"{key.parent.name[:2]}.json", shown),
            (key.parent / "hidden.json", hidden),
        ):
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path.relative_to(root).as_posix())
                if not check:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    write_whole(path, text)
    print("\n".join(f"{'not up to date' if check else 'written'}: {path}" for path in stale) or "all up to date")
    if check and stale:
        sys.exit(1)


if __name__ == "__main__":
    main()
