"""Grades a class: many notebooks at the same time, continuing where it was stopped, and a report of what was odd."""

import csv
import hashlib
import io
import json
import os
import platform
import shutil
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from glob import escape
from importlib.metadata import version
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import is_grade, is_solution
from tqdm.auto import tqdm
from traitlets.config import Config

from ... import __version__
from ...data.files import write_whole
from .autograder import (
    EXECUTED,
    REPAIRED,
    UNPROTECTED,
    executed_once,
    explained,
    fingerprint,
    framed,
    hidden_tasks,
    oddities,
)
from .driver import CrowdedError
from .overview import alike, by_exercise, table
from .repair import NOTEBOOK, UnreadableError, bare, find, mend, read
from .returning import BOM
from .sandbox import Executed
from .walls import Limits, why_unprotected

MENDED = ".repaired"
"""The folder of a course with what is given to nbgrader's autograder; it can be deleted at any time."""


@dataclass
class Submission:
    """What became of one student's notebook; `notes` are sentences for the student and the teacher."""

    student: str
    notebook: NotebookNode
    fingerprint: str
    notes: list[str] = field(default_factory=list)
    executed: Executed = field(default_factory=Executed)
    points: float = 0.0
    by_hand: bool = False
    failed: bool = False  # not graded: a note says why
    basis: str = ""  # a digest of all that its mark depends on


def grade(config: Config, assignment: str, jobs: int | None = None, only: str = "") -> list[Submission]:
    """Grades every submission of an assignment into the gradebook, `jobs` at the same time (or one a core).

    Graded before and not changed since, a submission is left as it is; due dates, extensions, late policies and points
    count as changes. With a student's name as `only`, that one alone is run and graded again. Killed at any moment, it
    loses only what just ran. Raises NbGraderException where nothing was released or handed in, or notebooks cannot be
    sandboxed, and while another grading runs in the same folder.
    """
    with _only_one(Path(CourseDirectory(config=config).root)):
        return _graded(config, assignment, jobs, only)


@contextmanager
def _only_one(root: Path) -> Iterator[None]:
    """A lock on a course folder, which a kill leaves open."""
    with (root / ".grading").open("w") as file:
        with suppress(ImportError):  # Windows
            import fcntl

            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise NbGraderException(f"another grading is running in {root}: wait for it to finish") from None
        yield


def _graded(config: Config, assignment: str, jobs: int | None, only: str) -> list[Submission]:
    course = CourseDirectory(config=config)
    root, source = Path(course.root), Path(course.root, course.source_directory, assignment)
    limits: Limits = config.ExecuteInSandbox.limits
    unprotected = bool(config.ExecuteInSandbox.unprotected)
    if (why := why_unprotected()) and not unprotected:
        raise NbGraderException(UNPROTECTED.format(why=why))
    if not (source / NOTEBOOK).exists():
        raise NbGraderException(f"{assignment} was not released in {root}: there is no {source / NOTEBOOK}")
    frame, hidden = framed(source / NOTEBOOK), hidden_tasks(source)
    submissions = []
    for folder in sorted(Path(root, course.submitted_directory).glob(f"{escape(only) or '*'}/{assignment}")):
        notebook, notes = _repaired(folder, frame)
        submissions.append(Submission(folder.parent.name, notebook, fingerprint(notebook, hidden, limits), notes))
    if not submissions:
        whose = f"{only!r} has not" if only else "nobody has"
        raise NbGraderException(f"{whose} handed in {assignment}: it is not in {root / course.submitted_directory}")

    same: dict[str, list[Submission]] = {}
    for submission in submissions:
        same.setdefault(submission.fingerprint, []).append(submission)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        policy = _policy(config, gradebook, assignment)
        extensions = {each.student_id: each.extension for each in gradebook.assignment_submissions(assignment)}
    for each in submissions:
        each.basis = _basis(each, policy, str(extensions.get(each.student)), _stamp(course, assignment, each))
        if only:
            Path(root, EXECUTED, f"{each.fingerprint}.json").unlink(missing_ok=True)
    stop = threading.Event()

    def take(group: list[Submission], run: "Future[Executed]") -> None:
        for submission in group:
            bar.update()
            try:
                submission.executed = run.result()
                submission.notes += oddities(submission.notebook, submission.executed)
                if only or not (submission.student in extensions and _recorded(course, assignment, submission)):
                    _record(config, course, assignment, submission)
            except Exception as error:  # of one student's notebook, which must not cost another's
                submission.failed = True
                submission.notes.append(f"NOT GRADED: {error or type(error).__name__}")

    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool, tqdm(total=len(submissions), unit="notebook") as bar:

        def run(first: Submission, alone: bool) -> Executed:
            return executed_once(first.notebook, hidden, root / EXECUTED, limits, unprotected, alone, stop)

        alike = {pool.submit(run, group[0], False): group for group in same.values()}
        crowded = []
        try:
            for done in as_completed(alike):
                if isinstance(done.exception(), CrowdedError):
                    crowded.append(alike[done])
                else:
                    take(alike[done], done)
            for group in crowded:
                take(group, pool.submit(run, group[0], True))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    with Gradebook(course.db_url, course.course_id) as gradebook:
        graded = {each.student_id: each for each in gradebook.assignment_submissions(assignment)}
        for submission in submissions:
            if entry := graded.get(submission.student):
                submission.points, submission.by_hand = entry.score, entry.needs_manual_grade
    return submissions


def _repaired(folder: Path, frame: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """A submission fitted into the frame; the bare frame where nothing of it can be read."""
    try:
        path, notes = find(folder, NOTEBOOK)
        cells, odd = read(path, frame)
        notebook, mended = mend(cells, frame)
        notes = [*notes, *odd, *mended]
    except Exception as error:  # whatever is wrong with one file is told to its student alone
        what = error if isinstance(error, UnreadableError) else f"it cannot be read ({type(error).__name__}: {error})"
        notes = [f"nothing could be graded: {what}"]
        notebook, _ = mend([bare(cell) for cell in frame.cells], frame)
    return explained(notebook, notes), notes


def _policy(config: Config, gradebook: Gradebook, assignment: str) -> str:
    """What all marks of an assignment depend on besides what was handed in: due date and late policy."""
    entry = next((each for each in gradebook.assignments if each.name == assignment), None)
    late = {name: str(config[name]) for name in sorted(config) if "Late" in name}
    return json.dumps([str(entry.duedate if entry else None), late])


def _basis(submission: Submission, *others: str) -> str:
    points = [
        cell.metadata.nbgrader.points
        for cell in submission.notebook.cells
        if "points" in cell.metadata.get("nbgrader", {})
    ]
    return hashlib.sha256(json.dumps([submission.fingerprint, points, others]).encode()).hexdigest()


def _stamp(course: CourseDirectory, assignment: str, submission: Submission) -> str:
    """When it was handed in."""
    path = Path(course.root, course.submitted_directory, submission.student, assignment, "timestamp.txt")
    return path.read_text(encoding="utf-8") if path.exists() else ""


def record_of(root: Path, assignment: str, student: str) -> Path:
    """The file that says what a mark rests on."""
    return root / "records" / assignment / f"{student}.json"


def _keep_record(config: Config, course: CourseDirectory, assignment: str, submission: Submission) -> None:
    """Writes what a mark rests on, so that it can be made again and defended."""
    place = Path(course.root, course.submitted_directory, submission.student, assignment)
    handed = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in place.glob("*") if path.is_file()}
    record = {
        "student": submission.student,
        "assignment": assignment,
        "basis": submission.basis,
        "sha256 of what was handed in": handed,
        "sha256 of what was run": submission.fingerprint,
        "seed": 0,
        "limits": asdict(config.ExecuteInSandbox.limits),
        "versions": {"inception-edu": __version__}
        | {name: version(name) for name in ("nbgrader", "ipykernel", "torch")},
        "python": platform.python_version(),
        "graded": datetime.now(UTC).isoformat(timespec="seconds"),
        "notes": submission.notes,
    }
    path = record_of(Path(course.root), assignment, submission.student)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def _recorded(course: CourseDirectory, assignment: str, submission: Submission) -> bool:
    """Whether the autograded notebook, which is written last, is that of this submission."""
    path = Path(course.format_path(course.autograded_directory, submission.student, assignment), NOTEBOOK)
    try:
        seen = nbformat.read(path, as_version=4).metadata.get("inception_edu", {}).get("fingerprint")
        basis = json.loads(record_of(Path(course.root), assignment, submission.student).read_text())["basis"]
    except (OSError, ValueError, AttributeError, KeyError):
        return False
    return bool(seen == submission.fingerprint and basis == submission.basis)


def _record(config: Config, course: CourseDirectory, assignment: str, submission: Submission) -> None:
    """Lets nbgrader's autograder take the marks into the gradebook."""
    place = Path(course.root, MENDED, submission.student, assignment)
    place.mkdir(parents=True, exist_ok=True)
    write_whole(place / NOTEBOOK, nbformat.writes(submission.notebook))
    for name in ("timestamp.txt", "submission_secret.txt"):  # what nbgrader's exchange knows a submission by
        if (stamp := Path(course.root, course.submitted_directory, submission.student, assignment, name)).exists():
            shutil.copy(stamp, place)
    only = CourseDirectory(
        config=config,
        submitted_directory=MENDED,
        assignment_id=assignment,
        student_id=escape(submission.student),
    )
    before = _essays(Path(course.format_path(course.autograded_directory, submission.student, assignment), NOTEBOOK))
    once = deepcopy(config)
    once.Autograde.sanitize_preprocessors = REPAIRED
    Autograde(coursedir=only, config=once, force=True).start()
    after = _essays(place / NOTEBOOK)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for name in before.keys() & after.keys():
            found = gradebook.find_grade(name, Path(NOTEBOOK).stem, assignment, submission.student)
            if before[name] != after[name] and found.manual_score is not None:
                submission.notes.append(
                    f"the answer {name!r} was replaced after it had been marked by hand: mark it again"
                )
    _keep_record(config, course, assignment, submission)


def _essays(path: Path) -> dict[str, str]:
    """The answers of a notebook that are marked by hand, by name; none where there is no notebook."""
    try:
        cells = nbformat.read(path, as_version=4).cells
    except (OSError, ValueError, AttributeError):
        return {}
    return {cell.metadata.nbgrader.grade_id: cell.source for cell in cells if is_grade(cell) and is_solution(cell)}


def overview(config: Config, assignment: str, submissions: Sequence[Submission]) -> list[str]:
    """Writes how each exercise went, and which notebooks are alike; returns a line for each pair worth a look."""
    course = CourseDirectory(config=config)
    root = Path(course.root)
    pages = [root / course.autograded_directory / each.student / assignment / NOTEBOOK for each in submissions]
    rows = by_exercise(nbformat.read(page, as_version=4) for page in pages if page.exists())
    write_whole(root / f"exercises_{assignment}.csv", BOM + table(rows))
    frame = framed(Path(root, course.source_directory, assignment, NOTEBOOK))
    pairs = alike({each.student: each.notebook for each in submissions}, frame)
    return [f"{a} and {b} have {100 * share:.0f} % of their answers in common" for a, b, share in pairs]


def report(submissions: list[Submission], path: Path) -> None:
    """Writes one line per student: points, seconds, megabytes, and everything that was odd."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", "points", "to grade by hand", "seconds", "memory in MB", "notes"])
    for each in submissions:
        row = [each.student, f"{each.points:g}", "yes" if each.by_hand else "no", f"{each.executed.seconds:.1f}"]
        writer.writerow([*row, f"{each.executed.memory:.0f}", "; ".join(each.notes)])
    write_whole(path, BOM + text.getvalue())
