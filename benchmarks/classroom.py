"""A class of 200 graded end to end, and killed halfway: `python benchmarks/classroom.py [--students N]`.

The notebooks are made from the solutions of chapter 03: of each answer, most are right, some untouched, some have one
number wrong, and no two notebooks are alike. The grader is killed when half of the notebooks have run, and started
again. Writes its section of benchmarks/RESULTS.md. About 15 minutes on two cores.
"""

import argparse
import csv
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from statistics import mean, median
from typing import Any

from inception_edu.classroom.handout import without_solutions
from tools.results import publish, setting

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "03_one_by_one"


def made_up(solved: dict[str, Any], student: int) -> dict[str, Any]:
    """What a student with that number hands in."""
    chance = random.Random(student)
    notebook = json.loads(json.dumps(solved))
    stubs = without_solutions(notebook)["cells"]
    for cell, stub in zip(notebook["cells"], stubs, strict=True):
        if not cell["metadata"]["nbgrader"]["solution"]:
            continue
        source, fate = "".join(cell["source"]), chance.random()
        if fate < 0.2:
            source = "".join(stub["source"])
        elif fate < 0.4 and (numbers := list(re.finditer(r"(?<![\w.])\d+\b", source))):
            at = chance.choice(numbers)
            source = f"{source[: at.start()]}{int(at[0]) + 1}{source[at.end() :]}"
        cell["source"] = f"{source}\n# {student}" if cell["cell_type"] == "code" else f"{source}\n\n{student}"
    return notebook


def classroom(*arguments: object) -> list[str]:
    """The command line of one step."""
    return [sys.executable, "-m", "inception_edu.classroom", *map(str, arguments)]


def graded(course: Path, until: int | None = None) -> tuple[float, float]:
    """Seconds of wall time, and of the grader's own computing; it is killed once `until` notebooks have run."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    grader = subprocess.Popen(classroom("grade", course, "03"), stdout=subprocess.DEVNULL)
    while until is not None and len(list((course / ".executed").glob("*.json"))) < until and grader.poll() is None:
        time.sleep(0.1)
    if until is not None:
        grader.send_signal(signal.SIGKILL)
    grader.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measured(students: int) -> str:
    """The table."""
    solved = json.loads((ROOT / "chapters" / "exercises" / ASSIGNMENT / "exercises.ipynb").read_text())
    with tempfile.TemporaryDirectory() as folder:
        course, downloads = Path(folder, "course"), Path(folder, "downloads")
        downloads.mkdir()
        for student in range(students):
            (downloads / f"student_{student:03}.ipynb").write_text(json.dumps(made_up(solved, student)))
        subprocess.run(classroom("release", course, "03"), check=True, stdout=subprocess.DEVNULL)
        subprocess.run(classroom("collect", course, "03", downloads), check=True, stdout=subprocess.DEVNULL)
        to_kill, _ = graded(course, until=students // 2)
        ran = len(list((course / ".executed").glob("*.json")))
        kept = {path: path.stat().st_mtime_ns for path in (course / ".executed").glob("*.json")}
        on, computed = graded(course)
        rest = len(list((course / ".executed").glob("*.json"))) - ran
        assert all(path.stat().st_mtime_ns == when for path, when in kept.items()), "a notebook ran twice"
        again, _ = graded(course)
        subprocess.run(classroom("export", course), check=True, stdout=subprocess.DEVNULL)
        rows = list(csv.DictReader((course / f"report_{ASSIGNMENT}.csv").read_text("utf-8-sig").splitlines()))
        graded_rows = list(csv.DictReader((course / "grades.csv").read_text("utf-8-sig").splitlines()))
        marks = [float(row["score"]) for row in sorted(graded_rows, key=lambda row: row["student_id"])]
    assert len(rows) == len(marks) == ran + rest == students
    memory = [float(row["memory in MB"]) for row in rows]
    return f"""\
| | |
|---|---:|
| students, each with a different notebook | {students} |
| workers | {os.cpu_count()} |
| until {ran} had run and the grader was killed | {to_kill:.0f} s |
| after a restart: {rest} more run, and everything recorded | {on:.0f} s |
| notebooks that ran a second time because of the kill | {students - ran - rest} |
| running at the kill, and so lost | at most {os.cpu_count()} |
| computing outside the sandboxes, per notebook after the restart | {computed / rest:.1f} s |
| time on the clock, per notebook after the restart | {on / rest:.1f} s |
| memory per notebook, median and maximum | {median(memory):.0f} and {max(memory):.0f} MB |
| grading again with nothing new | {again:.0f} s |
| marks: mean of the points that a machine gives | {mean(marks):.1f} |
| checksum of all marks, the same whatever else the machine does | {zlib.crc32(repr(marks).encode()):08x} |"""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--markdown", action="store_true", help="keep the table in benchmarks/RESULTS.md")
    options = parser.parse_args()
    line = setting("python benchmarks/classroom.py", "nbgrader", "ipykernel")
    publish("classroom", line, measured(options.students), keep=options.markdown)


if __name__ == "__main__":
    main()
