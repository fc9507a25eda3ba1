"""From handing out exercises to handing back marks: python -m inception_edu.classroom COMMAND COURSE ...

    release COURSE CHAPTER         the student version of a chapter's exercises, in COURSE/release
    collect COURSE CHAPTER FROM    notebooks from a folder or a zip, into COURSE/submitted
    grade COURSE CHAPTER           marks into COURSE/gradebook.db, and a report
    feedback COURSE CHAPTER        a page for each student, in COURSE/feedback
    export COURSE                  all marks as COURSE/grades.csv

The folder has nbgrader's layout, so its commands work in it, and so does its formgrader, for grading by hand.
"""

import argparse
import logging
import os
import shutil
import sys
import warnings
from filecmp import cmpfiles
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.files import write_whole

if TYPE_CHECKING:
    from traitlets.config import Config

SOURCES = Path(__file__).resolve().parents[2] / "chapters" / "exercises"
CONFIG = """\
# How nbgrader works in this folder. Its own settings can follow below; they are described by
#     nbgrader generate_config
from inception_edu.classroom.grading.autograder import configure
from inception_edu.classroom.grading.walls import Limits

c = get_config()
configure(c, Limits(cell_seconds=60, notebook_seconds=600, memory=3072))
c.CourseDirectory.course_id = "inception"
"""


def main(arguments: list[str] | None = None) -> None:
    """The command line. Whatever a teacher can put right ends in one sentence, not in a traceback."""
    lines = (__doc__ or "").splitlines()
    parser = argparse.ArgumentParser(prog="python -m inception_edu.classroom", description=lines[0])
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(lines[1:])
    parser.add_argument("command", choices=("release", "collect", "grade", "feedback", "export"))
    parser.add_argument("course", type=Path, help="the folder of your course; `release` makes it")
    parser.add_argument(
        "chapter", nargs="?", default="", help="03, or 03_one_by_one; every command but export needs it"
    )
    parser.add_argument("source", nargs="?", type=Path, help="collect: a folder or a zip of notebooks")
    parser.add_argument("--student", default="", help="grade: only this student, once more, after an appeal")
    parser.add_argument("--roster", type=Path, help="collect: a CSV with the columns id and name (COURSE/roster.csv)")
    parser.add_argument("--jobs", type=int, help="grade: notebooks to run at the same time (one per core)")
    parser.add_argument(
        "--unprotected", action="store_true", help="grade: even where students' programs cannot be sandboxed"
    )
    parser.add_argument("--exercises", type=Path, default=SOURCES, help="release: the folder with the sources")
    options = parser.parse_args(arguments)
    if options.command != "export" and not options.chapter:
        parser.error(f"{options.command} needs a chapter, such as 03")
    if options.command == "collect" and options.source is None:
        parser.error("collect needs a folder or a zip of notebooks")
    try:
        from nbgrader.converters.base import NbGraderException
    except ModuleNotFoundError:
        sys.exit("nbgrader is not installed: pip install -c constraints.txt -e '.[teach]'")
    warnings.filterwarnings("ignore", message="Object of type", module="nbgrader")
    logging.basicConfig(format="%(message)s", level=logging.ERROR)  # nbgrader says there what went wrong
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # it calls alembic
    try:
        run(options)
    except (NbGraderException, OSError, ValueError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped: the same command continues from here")


def run(options: argparse.Namespace) -> None:
    """One command, with its options read."""
    from nbgrader.api import Gradebook
    from nbgrader.converters import GenerateAssignment, GenerateFeedback
    from nbgrader.coursedir import CourseDirectory

    from .grading.returning import BOM, feedback_zip, marked, platform_tables, readable

    root: Path = options.course.expanduser().resolve()
    if set("[]*?") & set(str(root)):
        raise ValueError(
            f"nbgrader finds nothing in a folder whose path contains [, ], * or ?, such as {root}: choose another"
        )
    if options.command == "release":
        source = _chapter(options.exercises, options.chapter)
        _take(source, root / "source" / source.name)
    config = configured(root, options.unprotected)
    assignment = _chapter(root / "source", options.chapter).name if options.chapter else ""
    course = CourseDirectory(config=config, assignment_id=assignment)
    match options.command:
        case "release":
            GenerateAssignment(coursedir=course, config=config, force=True).start()
            print(f"hand this out: {root / 'release' / assignment / 'exercises.ipynb'}")
        case "collect":
            from .grading.collecting import ROSTER, Roster, collect

            listed = options.roster or root / ROSTER
            roster = Roster(listed) if options.roster or listed.exists() else None
            for line in collect(options.source.expanduser(), root / course.submitted_directory, assignment, roster):
                print(line)
            if roster:  # so that names are in the formgrader, and everyone is in the table of marks
                with Gradebook(course.db_url, course.course_id) as gradebook:
                    for student, (first, last) in roster.split.items():
                        gradebook.update_or_create_student(student, first_name=first, last_name=last)
        case "grade":
            from .grading.course import grade, overview, report

            graded = grade(config, assignment, options.jobs, options.student)
            if not options.student:
                report(graded, root / f"report_{assignment}.csv")
            for each in graded:
                for note in each.notes:
                    print(f"{each.student}: {note}")
            if not options.student:
                for line in overview(config, assignment, graded):
                    print(line)
            by_hand = sum(each.by_hand for each in graded)
            print(
                f"{len(graded)} graded, {by_hand} of them with answers to grade by hand: {root}/report_{assignment}.csv"
            )
            if failed := [each.student for each in graded if each.failed]:
                sys.exit(f"{len(failed)} not graded, see above: {', '.join(failed)}")
        case "feedback":
            GenerateFeedback(coursedir=course, config=config, force=True).start()
            for page in root.glob(f"feedback/*/{assignment}/*.html"):
                better = readable(page.read_text(encoding="utf-8"))
                page.chmod(0o644)
                page.write_text(better, encoding="utf-8")
            print(f"a page for each student: {root}/feedback/STUDENT/{assignment}/exercises.html")
            print(f"all of them for the platform: {feedback_zip(root, root / course.submitted_directory, assignment)}")
        case "export":
            from nbgrader.plugins import CsvExportPlugin

            table = root / "grades.csv"
            with Gradebook(course.db_url, course.course_id) as gradebook:
                CsvExportPlugin(config=config, to=str(table)).export(gradebook)
                heads, *rows = table.read_text(encoding="utf-8").splitlines(keepends=True)
                rows.sort(key=lambda row: itemgetter(0, 4, 5, 3)(row.split(",")))  # chapter, last and first name, id
                table.write_text("".join([BOM, heads, *rows]), encoding="utf-8")
                print(f"all marks: {table}")
                for each in [entry.name for entry in gradebook.assignments]:
                    marks = list(marked(gradebook, root / course.submitted_directory, each))
                    for name, text in platform_tables(marks, each).items():
                        write_whole(root / name, text)
                        print(f"for the platform: {root / name}")


def _chapter(folder: Path, name: str) -> Path:
    """The folder of a chapter, named in full or by its number.

    Raises FileNotFoundError where there is none.
    """
    found = [path for path in sorted(folder.glob("*/")) if name.zfill(2) in (path.name, path.name[:2])]
    if not found:
        have = ", ".join(path.name for path in sorted(folder.glob("[0-9]*/"))) or "none"
        raise FileNotFoundError(f"there is no chapter {name!r} in {folder}; there is {have}")
    return found[0]


def _take(source: Path, target: Path) -> None:
    """Copies what an assignment consists of, once; its key stays where it is."""
    names = [name for name in ("exercises.ipynb", "hidden.json") if (source / name).exists()]
    if (target / "exercises.ipynb").exists():
        if cmpfiles(source, target, names, shallow=False)[0] != names:
            print(f"released from your own {target}; delete that folder to take {source} again")
        return
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copy(source / name, target / name)


def configured(root: Path, unprotected: bool = False) -> "Config":
    """The configuration of a course folder, written first where there is none."""
    from traitlets.config.loader import PyFileConfigLoader

    if not root.is_dir():
        raise FileNotFoundError(f"{root} does not exist: make classroom-release makes it")
    file = root / "nbgrader_config.py"
    if not file.exists():
        file.write_text(CONFIG, encoding="utf-8")
    config = PyFileConfigLoader(file.name, path=str(root)).load_config()
    config.CourseDirectory.root = str(root)
    if unprotected:
        config.ExecuteInSandbox.unprotected = True
    return config


if __name__ == "__main__":
    main()
