"""Grades a class: many notebooks at the same time, going on where it was stopped, and a report of what was odd."""

import csv
import io
import os
import shutil
import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from tqdm.auto import tqdm
from traitlets.config import Config

from ...data.files import write_whole
from .autograder import EXECUTED, UNPROTECTED, digest, executed_once, explained, framed, hidden_tasks, oddities
from .repair import NOTEBOOK, UnreadableError, bare, find, fit, read
from .sandbox import Executed, Limits, SandboxError, why_unprotected

REPAIRED = ".repaired"
"""The folder of a course with what is given to nbgrader's autograder; it can be deleted at any time."""


@dataclass
class Submission:
    """What became of one student's notebook; `notes` are sentences for the student and the teacher."""

    student: str
    notebook: NotebookNode
    digest: str
    notes: list[str] = field(default_factory=list)
    executed: Executed = field(default_factory=Executed)
    points: float = 0.0
    by_hand: bool = False


def grade(config: Config, assignment: str, jobs: int | None = None) -> list[Submission]:
    """Grades every submission of an assignment into the gradebook, `jobs` at the same time (or one a core).

    Graded before and not changed since, a submission is left as it is. Killed at any moment, it loses only what
    just ran. Raises NbGraderException where nothing was released or handed in, or notebooks cannot be shut in.
    """
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
    for folder in sorted(Path(root, course.submitted_directory).glob(f"*/{assignment}")):
        notebook, notes = _repaired(folder, frame)
        submissions.append(Submission(folder.parent.name, notebook, digest(notebook, hidden, limits), notes))
    if not submissions:
        raise NbGraderException(f"nobody handed {assignment} in: {root / course.submitted_directory} has none")

    same: dict[str, list[Submission]] = {}
    for submission in submissions:
        same.setdefault(submission.digest, []).append(submission)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        known = {each.student_id for each in gradebook.assignment_submissions(assignment)}
    stop = threading.Event()
    with ThreadPoolExecutor(jobs or os.cpu_count()) as pool, tqdm(total=len(submissions), unit="notebook") as bar:
        runs = [
            pool.submit(executed_once, first.notebook, hidden, root / EXECUTED, limits, unprotected, stop)
            for first, *_ in same.values()
        ]
        alike = dict(zip(runs, same.values(), strict=True))
        try:
            for run in as_completed(runs):
                for submission in alike[run]:
                    bar.update()
                    if not _taken(submission, run):
                        continue
                    if not (submission.student in known and _recorded(course, assignment, submission)):
                        _record(config, course, assignment, submission)
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
        notebook, mended = fit(cells, frame)
        notes = [*notes, *odd, *mended]
    except UnreadableError as error:
        notes = [f"nothing could be graded: {error}"]
        notebook, _ = fit([bare(cell) for cell in frame.cells], frame)
    if notes:
        notebook.cells.insert(0, explained(notes))
    return notebook, notes


def _taken(submission: Submission, run: "Future[Executed]") -> bool:
    """Takes over what a run brought; False where the sandbox failed, which is no fault of the student's."""
    try:
        submission.executed = run.result()
    except SandboxError as error:
        submission.notes.append(f"NOT GRADED: {error}")
        return False
    submission.notes += oddities(submission.notebook, submission.executed)
    return True


def _recorded(course: CourseDirectory, assignment: str, submission: Submission) -> bool:
    """Whether the autograded notebook, which is written last, is that of this submission."""
    path = Path(course.format_path(course.autograded_directory, submission.student, assignment), NOTEBOOK)
    try:
        seen = nbformat.read(path, as_version=4).metadata.get("inception_edu", {}).get("digest")
    except (OSError, ValueError, AttributeError):
        return False
    return bool(seen == submission.digest)


def _record(config: Config, course: CourseDirectory, assignment: str, submission: Submission) -> None:
    """Lets nbgrader's autograder take the marks into the gradebook."""
    place = Path(course.root, REPAIRED, submission.student, assignment)
    place.mkdir(parents=True, exist_ok=True)
    write_whole(place / NOTEBOOK, nbformat.writes(submission.notebook))
    for name in ("timestamp.txt", "submission_secret.txt"):  # what nbgrader's exchange knows a submission by
        if (stamp := Path(course.root, course.submitted_directory, submission.student, assignment, name)).exists():
            shutil.copy(stamp, place)
    only = CourseDirectory(
        config=config,
        submitted_directory=REPAIRED,
        assignment_id=assignment,
        student_id=escape(submission.student),
    )
    Autograde(coursedir=only, config=config, force=True).start()


def report(submissions: list[Submission], path: Path) -> None:
    """Writes one line a student: points, seconds, megabytes, and everything that was odd."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["student", "points", "to grade by hand", "seconds", "memory in MB", "notes"])
    for each in submissions:
        row = [each.student, f"{each.points:g}", "yes" if each.by_hand else "no", f"{each.executed.seconds:.1f}"]
        writer.writerow([*row, f"{each.executed.memory:.0f}", "; ".join(each.notes)])
    write_whole(path, text.getvalue())
