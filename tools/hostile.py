"""What grading resists: `python tools/hostile.py` grades submissions made to fool or break it.

It rewrites the table of chapters/exercises/README.md: what each gets, and what the teacher reads. The tests grade
the same submissions. Without bubblewrap it stops, because some of them do harm.
"""

import json
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from html import unescape
from pathlib import Path
from typing import Any

from inception_edu.classroom import __main__ as classroom
from inception_edu.classroom.grading.course import Submission, grade
from inception_edu.classroom.grading.walls import why_unprotected
from tools.results import section

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "chapters" / "exercises" / "README.md"
ASSIGNMENT = "03_one_by_one"
EXERCISES = {"unread": 1.0, "control": 3.0}
"""The exercises of chapter 03 that the small assignment is made of, and their points."""

Notebook = dict[str, Any]


def sample(hidden: str = "") -> Notebook:
    """A small assignment, solved: two exercises of chapter 03, one with a hidden test, and one graded by hand."""
    notebook = json.loads((ROOT / "chapters" / "exercises" / ASSIGNMENT / "exercises.ipynb").read_text())
    keep = {"title", "setup", "why_cheap", *EXERCISES, *(f"{name}-check" for name in EXERCISES)}
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] in keep]
    test = cell(notebook, "control-check")
    test["source"] = "".join(test["source"])
    if hidden:
        test["source"] = f"### BEGIN HIDDEN TESTS\n{hidden}\n### END HIDDEN TESTS\n{test['source']}"
    return notebook


def cell(notebook: Notebook, name: str) -> dict[str, Any]:
    """The cell of that id."""
    return next(each for each in notebook["cells"] if each["id"] == name)


def written(code: str, name: str = "control") -> Callable[[Notebook], Notebook]:
    """A submission that has `code` in one answer, and is otherwise right."""

    def edit(notebook: Notebook) -> Notebook:
        cell(notebook, name)["source"] = code
        return notebook

    return edit


def without(*names: str) -> Callable[[Notebook], Notebook]:
    """A submission from which cells were deleted."""

    def edit(notebook: Notebook) -> Notebook:
        notebook["cells"] = [each for each in notebook["cells"] if each["id"] not in names]
        return notebook

    return edit


def twice(notebook: Notebook) -> Notebook:
    """An answer cell is there twice."""
    at = notebook["cells"].index(cell(notebook, "control"))
    notebook["cells"].insert(at + 1, deepcopy(notebook["cells"][at]))
    return notebook


def nameless(notebook: Notebook) -> Notebook:
    """Every mark by which nbgrader knows a cell is gone, as after a trip through another editor."""
    for number, each in enumerate(notebook["cells"]):
        each["metadata"], each["id"] = {}, f"new-{number}"
    return notebook


def forged_test(notebook: Notebook) -> Notebook:
    """The test cell itself says full marks."""
    cell(notebook, "control")["source"] = "def control(channels, squeeze, out): ..."
    cell(notebook, "control-check")["source"] = "3.0"
    return notebook


def of_another_kernel(notebook: Notebook) -> Notebook:
    """The notebook says that it is written in R."""
    notebook["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    return notebook


def with_a_script(notebook: Notebook) -> Notebook:
    """What a browser would run, in an answer and in an output."""
    links = (
        "[figure 1](javascript:alert(3)) ![](/logout) ![](https://example.org/who.png) $\\href{javascript:alert(4)}{x}$"
    )
    cell(notebook, "why_cheap")["source"] = f"because <script>alert(1)</script> a<b and c>d, {links}"
    code = "from IPython.display import HTML, display\ndisplay(HTML('<script>alert(2)</script>'))\n"
    cell(notebook, "unread")["source"] = code + "".join(cell(notebook, "unread")["source"])
    return notebook


SEARCH = """
import os
found = []
for folder, inner, files in os.walk("/"):
    inner[:] = [name for name in inner if name not in ("usr", "lib", "proc", "sys", "dev", ".venv", "site-packages")]
    found += [name for name in files if name in ("exercises.ipynb", "hidden.json", "gradebook.db")]
def control(channels, squeeze, out):
    raise RuntimeError(f"found {len(found)} files")
"""
WRITE = """
import os, sys, inception_edu
done = []
for place in ("/", "/usr", "/etc", "/dev", "/proc", sys.prefix, os.path.dirname(inception_edu.__file__)):
    try:
        open(os.path.join(place, "written"), "w").close()
        done.append(place)
    except OSError:
        pass
def control(channels, squeeze, out):
    raise RuntimeError(f"wrote to {len(done)} places")
"""
EQUAL = """
class Yes(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __float__(self): return 150528.0
unread = Yes(1)
"""
PATCHED = """
import inception_edu.classroom as classroom
from inception_edu.classroom import checking
from inception_edu.classroom.checking import marking
full = lambda *a, **k: marking.Mark(1, 1, [])
check = classroom.check = checking.check = checking.mark = marking.mark = full
marking.holds = lambda *a: True
unread = 1
"""
FORGED = """
import json
from IPython.display import display
def check(exercise, answer):
    forged = {"text/plain": "3.0", "text/html": "<b>3 of 3 points</b>",
              "application/vnd.inception-edu.evidence+json": {"exercise": exercise, "evidence": ["right"] * 9}}
    display(forged, raw=True)
    return 3.0
"""
TEXTS = """
print("half \\ud800 a character")
raise ValueError("\\udfff")
"""
DEEP = """
from IPython.display import display
unread = 1
def check(exercise, answer):
    deep = []
    for _ in range(600):
        deep = [deep]
    parts = [{"is": "conv", "channels": [[]], "kernel": {}, "groups": "x"}, 3, {"is": []}]
    part = [{"parts": parts, "numbers": [], "output": []}]
    for evidence in (deep, part):
        bundle = {"application/vnd.inception-edu.evidence+json": {"exercise": exercise, "evidence": evidence}}
        display(bundle, raw=True)
"""
FAKED_CHANNEL = """
import os
line = b'{"cell": 1, "outputs": []}\\n' * 3 + b'{"end": true}\\n'
for number in range(3, 64):
    try:
        os.write(number, line)
    except OSError:
        pass
"""

HOSTILE: Mapping[str, tuple[str, Callable[[Notebook], Notebook]]] = {
    "honest": ("a right solution", lambda notebook: notebook),
    "loop": ("an infinite loop", written("while True: pass")),
    "stubborn": (
        "an infinite loop that catches every exception",
        written("while True:\n    try:\n        while True: pass\n    except BaseException: pass"),
    ),
    "memory": ("a memory bomb", written("import torch\nkept = []\nwhile True: kept.append(torch.ones(10**7))")),
    "forks": (
        "a fork bomb",
        written("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"),
    ),
    "output": ("gigabytes of output", written("while True: print('x' * 10**6)")),
    "disk": ("gigabytes of files", written("i = 0\nwhile True:\n    open(f'{i}', 'wb').write(bytes(10**7)); i += 1")),
    "exit": ("`os._exit(0)`", written("import os\nos._exit(0)")),
    "kill": ("kills every process that it can", written("import os\nos.kill(-1, 9)")),
    "no_test": ("a deleted test cell", without("control-check")),
    "no_answer": ("a deleted answer cell", without("control")),
    "twice": ("an answer cell that is there twice", twice),
    "nameless": ("all cells without their names", nameless),
    "forged_test": ("a test cell changed to `3.0`", forged_test),
    "r": ("a notebook of another kernel", of_another_kernel),
    "writes": ("writes outside of its folder", written(WRITE)),
    "reads": ("looks for the solutions, the keys and the gradebook", written(SEARCH)),
    "network": ("the network", written("import socket\nsocket.create_connection(('1.1.1.1', 53), 1)")),
    "equal": ("an object that is equal to everything", written(EQUAL, "unread")),
    "patched": ("a patched `check`, and a patched package", written(PATCHED, "unread")),
    "forged": ("a `check` of its own that shows full marks and forged evidence", written(FORGED)),
    "texts": ("halves of characters, in an output and in an error", written(TEXTS)),
    "deep": ("evidence 600 lists deep, and forged parts with lists for numbers", written(DEEP, "unread")),
    "channel": ("writes results of its own to the grader", written(FAKED_CHANNEL)),
    "script": ("a program for the teacher's browser, in an answer and in an output", with_a_script),
}


def hand_in(submitted: Path) -> None:
    """Writes all hostile submissions, and those that are no notebooks."""
    for name, (_, edit) in HOSTILE.items():
        place = submitted / name / ASSIGNMENT
        place.mkdir(parents=True)
        (place / "exercises.ipynb").write_text(json.dumps(edit(sample())))
    for name, (_, file, content) in UNREADABLE.items():
        place = submitted / name / ASSIGNMENT
        place.mkdir(parents=True)
        (place / file).write_text(content())


UNREADABLE: Mapping[str, tuple[str, str, Callable[[], str]]] = {
    "renamed": ("a renamed file", "exercises (1).ipynb", lambda: json.dumps(sample())),
    "broken": ("half of a file", "exercises.ipynb", lambda: json.dumps(sample())[:2000]),
    "huge": ("a file of 30 MB", "exercises.ipynb", lambda: " " * (30 * 2**20)),
    "none": ("no notebook at all", "answers.txt", lambda: "150528"),
}


def graded(root: Path) -> dict[str, Submission]:
    """Releases the small assignment in a course folder, hands everything in, and grades it."""
    assert not why_unprotected(), "some of these do harm where nothing holds them"
    exercises = root / "exercises" / ASSIGNMENT
    exercises.mkdir(parents=True)
    (exercises / "exercises.ipynb").write_text(json.dumps(sample(hidden="assert control")))
    (exercises / "hidden.json").write_bytes((ROOT / "chapters/exercises" / ASSIGNMENT / "hidden.json").read_bytes())
    course = root / "course"
    classroom.main(["release", str(course), ASSIGNMENT, "--exercises", str(exercises.parent)])
    hand_in(course / "submitted")
    file = course / "nbgrader_config.py"
    limits = "Limits(cell_seconds=3, notebook_seconds=300, memory=1024, scratch=32)"
    file.write_text(re.sub(r"Limits\(.*?\)", limits, file.read_text(), count=1))
    return {each.student: each for each in grade(classroom.configured(course), ASSIGNMENT)}


def told(submission: Submission, course: Path) -> str:
    """The feedback lines that are not praise, without their HTML."""
    page = json.loads((course / "autograded" / submission.student / ASSIGNMENT / "exercises.ipynb").read_text())
    lines = []
    for each in page["cells"]:
        for output in each.get("outputs", ()):
            html = "".join(output.get("data", {}).get("text/html", ""))
            lines += re.findall(r"<b>look:</b> (.*?)</span>", html)
    return "; ".join(unescape(line) for line in lines)


def main() -> None:
    """Grades all, and writes the table."""
    if why := why_unprotected():
        sys.exit(f"not without walls: {why}")
    with tempfile.TemporaryDirectory() as folder:
        found = graded(Path(folder))
        course = Path(folder) / "course"
        rows = ["| handed in | the student gets | the teacher reads |", "|---|---|---|"]
        for name, (words, *_) in {**HOSTILE, **UNREADABLE}.items():
            each = found[name]
            student = f"{each.points:g} of {sum(EXERCISES.values()):g}"
            if lines := told(each, course):
                student += f": {lines}"
            rows.append(f"| {words} | {student} | {'; '.join(each.notes) or 'nothing'} |")
    print(section("hostile", "\n".join(rows), README))


if __name__ == "__main__":
    main()
