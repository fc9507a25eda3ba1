"""Exercises for anyone who learns alone: the student versions of all chapters, in a folder, without nbgrader.

    python -m inception_edu.classroom.handout [FOLDER]      my_exercises by default

Run it at the top of a checkout; `make lab` does. A notebook that already exists is never touched.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from ..data.files import write_whole

STUB = "# your code here"
TEXT_STUB = "Write your answer here."
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION", re.MULTILINE | re.DOTALL)


def without_solutions(notebook: dict[str, Any]) -> dict[str, Any]:
    """A source notebook, as JSON, with a line to write in where each solution was: what nbgrader releases, too."""

    def cut(cell: dict[str, Any]) -> dict[str, Any]:
        stub = rf"\g<1>{STUB}" if cell["cell_type"] == "code" else TEXT_STUB
        source = SOLUTION.sub(stub, "".join(cell["source"]))
        return {**cell, "source": source.splitlines(keepends=True)}

    return {**notebook, "cells": [cut(cell) for cell in notebook["cells"]]}


def hand_out(sources: Path, folder: Path) -> list[Path]:
    """Writes FOLDER/NN_topic.ipynb for every chapter that has none there yet; returns the files written.

    Raises FileNotFoundError where `sources` holds no exercises.
    """
    found = sorted(sources.glob("*/exercises.ipynb"))
    if not found:
        raise FileNotFoundError(f"there are no exercises in {sources}: run this at the top of a checkout of the course")
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for source in found:
        target = folder / f"{source.parent.name}.ipynb"
        if not target.exists():
            notebook = without_solutions(json.loads(source.read_text(encoding="utf-8")))
            written.append(write_whole(target, json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"))
    return written


def main() -> None:
    """The command line."""
    given = sys.argv[1:] or ["my_exercises"]
    if len(given) > 1 or given[0].startswith("-"):
        sys.exit(__doc__)
    folder = Path(given[0])
    try:
        written = hand_out(Path("chapters", "exercises"), folder)
    except FileNotFoundError as error:
        sys.exit(str(error))
    if written:
        print(f"{len(written)} sets of exercises for you, in {folder}")


if __name__ == "__main__":
    main()
