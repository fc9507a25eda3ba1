"""The way of a notebook from release to feedback, with neighbours that try to fool the grader or to break it."""

import csv
import ctypes
import json
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from pathlib import Path

import nbformat
import psutil
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException

from inception_edu.classroom import __main__ as classroom
from inception_edu.classroom.checking.marking import EVIDENCE
from inception_edu.classroom.grading import autograder, driver, sandbox, walls
from inception_edu.classroom.grading import course as grading
from inception_edu.classroom.grading.collecting import RECEIPT
from inception_edu.classroom.grading.pages import safe
from inception_edu.classroom.grading.repair import UnreadableError, bare, find, mend, read
from inception_edu.classroom.grading.returning import feedback_zip
from inception_edu.classroom.grading.sandbox import execute
from inception_edu.classroom.grading.walls import Limits, why_unprotected
from inception_edu.classroom.handout import without_solutions
from tools import hostile
from tools.hostile import ASSIGNMENT, HOSTILE, UNREADABLE, sample

pytestmark = [
    pytest.mark.filterwarnings("ignore:Object of type:Warning"),  # SQLAlchemy about nbgrader's way with it
    pytest.mark.filterwarnings("ignore::DeprecationWarning:nbgrader"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:nbconvert"),
]
walled = pytest.mark.skipif(bool(why_unprotected()), reason=str(why_unprotected()))
FULL = sum(hostile.EXERCISES.values())


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("classroom")


@pytest.fixture(scope="module")
def graded(root):
    return hostile.graded(root)


@pytest.fixture(scope="module")
def feedback(graded, root) -> Path:
    classroom.main(["feedback", str(root / "course"), ASSIGNMENT])
    return root / "course" / "feedback"


def pages(root: Path, student: str) -> nbformat.NotebookNode:
    return nbformat.read(root / "course" / "autograded" / student / ASSIGNMENT / "exercises.ipynb", as_version=4)


# What each gets, of 4 points, a part of what its student reads, and of what its teacher reads.
EXPECTED = {
    "honest": (4, "", ""),
    "loop": (1, "name 'control' is not defined", "the cell control ran for more than 3 s"),
    "stubborn": (1, "name 'control' is not defined", "the cell control ran for more than 3 s"),
    "memory": (1, "name 'control' is not defined", "the cell control used more than 1,024 MB"),
    "forks": (
        1,
        "name 'control' is not defined",
        "the cell control ",
    ),
    "output": (1, "name 'control' is not defined", "the cell control ran for more than 3 s"),
    "disk": (1, "name 'control' is not defined", ""),
    "exit": (1, "name 'control' is not defined", "the cell control ended the program"),
    "kill": (1, "name 'control' is not defined", ""),
    "no_test": (4, "", "missing, so put back: control-check"),
    "no_answer": (1, "not answered yet", "missing, so put back: control"),
    "twice": (4, "", "several cells named 'control': all were run"),
    "nameless": (4, "", "'control' had lost its name"),
    "forged_test": (1, "not answered yet", "changed, so restored: control-check"),
    "r": (4, "", "another kernel, 'ir'"),
    "writes": (1, "wrote to 0 places", ""),
    "reads": (1, "found 0 files", ""),
    "network": (1, "name 'control' is not defined", ""),
    "equal": (3, "not a Yes", ""),
    "patched": (3, "produced no evidence", "look at the check of 03.unread"),
    "forged": (0, "", ""),
    "texts": (1, "name 'control' is not defined", ""),
    "deep": (3, "", "wrote into the grader's own channel"),
    "channel": (1, "name 'control' is not defined", "the cell control "),
    "script": (4, "", ""),
    "renamed": (4, "", "'exercises (1).ipynb' was graded as exercises.ipynb"),
    "broken": (0, "not answered yet", "'exercises.ipynb' is damaged"),
    "huge": (0, "not answered yet", "is damaged"),
    "none": (0, "not answered yet", "there is no notebook"),
}


@walled
def test_every_hostile_submission_has_an_expectation() -> None:
    assert set(EXPECTED) == {*HOSTILE, *UNREADABLE}


@walled
@pytest.mark.parametrize("student", EXPECTED)
def test_a_hostile_submission_gets_what_its_data_show_and_the_teacher_is_told(graded, root, student) -> None:
    points, feedback, note = EXPECTED[student]
    submission = graded[student]
    assert submission.points == points
    assert feedback in hostile.told(submission, root / "course")
    assert note in "; ".join(submission.notes)
    assert bool(note) == bool(submission.notes)
    assert ("repair" in pages(root, student).cells[0].source) == bool(
        [each for each in submission.notes if "the cell" not in each and "look at" not in each]
    )


@walled
def test_what_a_browser_would_run_does_not_reach_it(feedback, root) -> None:
    page = (feedback / "script" / ASSIGNMENT / "exercises.html").read_text()
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "a&lt;b and c&gt;d" in page
    for active in ('javascript:alert(3)"', "/logout", "example.org", "\\href"):
        assert active not in page
    assert "a<b and c>d, [figure 1](javascript" in json.dumps(pages(root, "script"))  # the text itself is as written
    assert "alert(2)" in json.dumps(pages(root, "script"))  # in the source of the student's cell alone
    assert not [
        output for cell in pages(root, "script").cells for output in cell.get("outputs", ()) if "alert" in output
    ]


PICTURE = {"a.png": {"image/png": "aGVsbG8="}}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("[x](javascript:alert(1))", "<a>x</a>"),
        ("[x][1]\n\n[1]: JaVaScript:alert(1)", "<a>x</a>"),
        ("<a href='java&#x73;cript:alert(1)'>x</a>", "&lt;a href="),
        ("[x](data:text/html,hi)", "<a>x</a>"),
        ("[x](/logout)", "<a>x</a>"),
        ("[x](https://example.org)", '<a href="https://example.org">x</a>'),
        ("[x](mailto:a@b.org) [y](#below)", '<a href="mailto:a@b.org">x</a> <a href="#below">y</a>'),
        ("![x](/logout)", '<img alt="x">'),
        ("![x](https://example.org/x.png)", '<img alt="x">'),
        ("![x](data:image/svg+xml;base64,AAAA)", '<img alt="x">'),
        ("![x](attachment:a.png)", 'src="data:image/png;base64,aGVsbG8="'),
        ("![x](attachment:lost.png)", "![x](attachment:lost.png)"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("$\\href{javascript:alert(1)}{x}$", "\\ href{javascript"),
        ("a<b and c>d & $e & f$", "a&lt;b and c&gt;d &amp; $e &amp; f$"),
        ("| a |\n|---|\n| **b** |", "<strong>b</strong>"),
        ("x" * 1_000_000, "800,000 more characters"),
    ],
)
def test_what_a_student_wrote_is_shown_and_never_run(text, kept) -> None:
    assert kept in safe(text, PICTURE)


def test_a_text_made_to_be_slow_is_shown_as_it_stands() -> None:
    assert safe("\\begin{a}" * 60_000).startswith("<pre>\\begin{a}")


def test_the_formgrader_and_feedback_take_the_cleaning_filter_and_leave_the_teachers_cells(tmp_path) -> None:
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader.handlers import template_path

    (tmp_path / "course").mkdir()
    config = classroom.configured(tmp_path / "course")
    mine = nbformat.v4.new_markdown_cell("<u>x</u> [a](/b)")
    mine.metadata.nbgrader = {"locked": True, "grade": False, "solution": False, "schema_version": 3}
    theirs = nbformat.v4.new_markdown_cell(
        "[a](javascript:b) ![](attachment:x.png)", attachments={"x.png": {"image/png": "aGVsbG8="}}
    )
    exporter = HTMLExporter(config=config, template_name="classic", extra_template_basedirs=[template_path])
    page, _ = exporter.from_notebook_node(nbformat.v4.new_notebook(cells=[mine, theirs]))
    assert '<u>x</u> <a href="/b">a</a>' in page
    assert "<a>a</a>" in page
    assert "data:image/png;base64,aGVsbG8=" in page


@walled
def test_feedback_shows_marks_and_no_hidden_test(feedback, root) -> None:
    for student in ("honest", "no_answer"):
        page = (feedback / student / ASSIGNMENT / "exercises.html").read_text()
        assert "assert control" not in page
        assert "of 3 points" in page
    assert "assert control" not in (root / "course" / "release" / ASSIGNMENT / "exercises.ipynb").read_text()
    assert "assert control" in json.dumps(pages(root, "honest"))


@walled
def test_one_notebook_that_breaks_the_grader_stops_no_other(graded, root, monkeypatch) -> None:
    course = root / "course"
    (course / "autograded" / "twice" / ASSIGNMENT / "exercises.ipynb").unlink()
    (course / "autograded" / "honest" / ASSIGNMENT / "exercises.ipynb").unlink()
    record = grading._record

    def breaks(config, course, assignment, submission) -> None:
        if submission.student == "honest":
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        record(config, course, assignment, submission)

    monkeypatch.setattr(grading, "_record", breaks)
    with pytest.raises(SystemExit, match="1 not graded, see above: honest"):
        classroom.main(["grade", str(course), ASSIGNMENT])
    rows = {
        row["student"]: row
        for row in csv.DictReader((course / f"report_{ASSIGNMENT}.csv").read_text("utf-8-sig").splitlines())
    }
    assert "NOT GRADED: 'utf-8' codec can't encode" in rows["honest"]["notes"]
    assert (course / "autograded" / "twice" / ASSIGNMENT / "exercises.ipynb").exists()
    assert "control" in (course / f"exercises_{ASSIGNMENT}.csv").read_text("utf-8-sig")
    monkeypatch.undo()
    classroom.main(["grade", str(course), ASSIGNMENT])


@walled
def test_grading_again_runs_and_records_nothing_and_says_the_same(graded, root, monkeypatch) -> None:
    monkeypatch.setattr(autograder, "execute", None)
    monkeypatch.setattr(grading, "_record", None)
    again = grading.grade(classroom.configured(root / "course"), ASSIGNMENT)
    assert {each.student: (each.points, each.notes) for each in again} == {
        name: (each.points, each.notes) for name, each in graded.items()
    }


@walled
def test_a_stop_loses_no_mark_and_counts_none_twice(graded, root, monkeypatch) -> None:
    course = root / "course"
    for name in ("honest", "no_test", "twice"):
        (course / "autograded" / name / ASSIGNMENT / "exercises.ipynb").chmod(0o644)
        (course / "autograded" / name / ASSIGNMENT / "exercises.ipynb").write_text("{ half a file")
    record, recorded = grading._record, []

    def stops(*arguments) -> None:
        record(*arguments)
        recorded.append(arguments[-1].student)
        if len(recorded) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(grading, "_record", stops)
    with pytest.raises(KeyboardInterrupt):
        grading.grade(classroom.configured(course), ASSIGNMENT)
    grading.grade(classroom.configured(course), ASSIGNMENT)
    assert sorted(recorded) == ["honest", "no_test", "twice"]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        marks = {each.student_id: each.score for each in gradebook.assignment_submissions(ASSIGNMENT)}
    assert marks == {name: EXPECTED[name][0] for name in EXPECTED}


@walled
def test_plain_nbgrader_grades_in_the_same_way(graded, root) -> None:
    """As the button of the formgrader does: from what was handed in, without our command."""
    from nbgrader.converters import Autograde
    from nbgrader.coursedir import CourseDirectory

    config = classroom.configured(root / "course")
    course = CourseDirectory(config=config, assignment_id=ASSIGNMENT, student_id="nameless")
    Autograde(coursedir=course, config=config, force=True).start()
    with Gradebook(course.db_url) as gradebook:
        assert gradebook.find_submission(ASSIGNMENT, "nameless").score == FULL


@walled
def test_the_report_and_the_table_of_marks(graded, root, capsys) -> None:
    grading.report(list(graded.values()), root / "report.csv")
    rows = {row["student"]: row for row in csv.DictReader((root / "report.csv").read_text("utf-8-sig").splitlines())}
    assert rows["exit"]["notes"] == "the cell control ended the program"
    assert rows["honest"]["points"] == "4"
    assert rows["honest"]["to grade by hand"] == "yes"
    classroom.main(["export", str(root / "course")])
    marks = {
        row["student_id"]: row
        for row in csv.DictReader((root / "course" / "grades.csv").read_text("utf-8-sig").splitlines())
    }
    assert float(marks["honest"]["score"]) == FULL
    assert list(marks) == sorted(EXPECTED)


def test_a_roster_brings_names_and_everyone_into_the_table_of_marks(tmp_path) -> None:
    course, exercises = tmp_path / "course", tmp_path / "exercises" / ASSIGNMENT
    exercises.mkdir(parents=True)
    (exercises / "exercises.ipynb").write_text(json.dumps(sample()))
    classroom.main(["release", str(course), ASSIGNMENT, "--exercises", str(exercises.parent)])
    (course / "roster.csv").write_text('id,name\nh,"Hopper, Grace, Dr."\na,Ada Adams\n')
    (tmp_path / "handed").mkdir()
    (tmp_path / "handed" / "h.ipynb").write_text(json.dumps(without_solutions(sample())))
    classroom.main(["collect", str(course), ASSIGNMENT, str(tmp_path / "handed")])
    classroom.main(["export", str(course)])
    rows = list(csv.DictReader((course / "grades.csv").read_text("utf-8-sig").splitlines()))
    told = [(row["student_id"], row["first_name"], row["last_name"], row["score"], row["max_score"]) for row in rows]
    assert told == [("a", "Ada", "Adams", "0.0", "8.0"), ("h", "Grace Dr.", "Hopper", "0.0", "8.0")]


def receipt(root: Path, student: str, **facts: str) -> None:
    place = root / "course" / "submitted" / student / ASSIGNMENT
    (place / RECEIPT).write_text(json.dumps({"key": student, **facts}))


@walled
def test_marks_and_feedback_go_back_in_the_platforms_own_names(feedback, root, capsys) -> None:
    receipt(root, "honest", platform="moodle", name="Ada Lovelace", number="12345")
    receipt(
        root, "loop", platform="canvas", name="hoppergrace", number="77", file="hoppergrace_77_88_exercises-1.ipynb"
    )
    classroom.main(["export", str(root / "course")])
    tables = {
        name: list(
            csv.DictReader((root / "course" / f"grades_{ASSIGNMENT}_{name}.csv").read_text("utf-8-sig").splitlines())
        )
        for name in ("moodle", "canvas")
    }
    assert tables["moodle"] == [
        {"Identifier": "Participant 12345", "Full name": "Ada Lovelace", "Grade": "4", "Maximum grade": "8"}
    ]
    assert [(row["ID"], row[ASSIGNMENT]) for row in tables["canvas"]] == [("", "8"), ("77", "1")]
    packed = feedback_zip(root / "course", root / "course" / "submitted", ASSIGNMENT)
    with zipfile.ZipFile(packed) as archive:
        names = archive.namelist()
    assert "Ada Lovelace_12345_assignsubmission_file_/feedback.html" in names
    assert "hoppergrace_77_88_exercises-1.html" in names
    assert "kill/feedback.html" in names
    assert len(names) == len(EXPECTED)


@walled
def test_feedback_names_the_exercises_and_says_what_is_not_marked_yet(feedback) -> None:
    page = (feedback / "honest" / ASSIGNMENT / "exercises.html").read_text()
    assert '<a href="#control-check">control</a>' in page
    assert page.index("summary { display: list-item }") < page.index("</head>")
    assert "This answer is not marked yet" in page


def test_a_check_that_could_not_run_says_what_went_wrong_above_it(frame) -> None:
    (test,) = (cell for cell in frame.cells if cell.id == "control-check")
    error = {"output_type": "error", "ename": "NameError", "evalue": "name 'control' is not defined"}
    (output,) = autograder.marked(test, [error], {}, ["SyntaxError: invalid syntax"])
    assert "a cell above it ended in SyntaxError: invalid syntax" in output.data["text/html"]


def test_changed_points_scale_the_share(frame) -> None:
    (test,) = (cell for cell in deepcopy(frame).cells if cell.id == "unread-check")
    test.metadata.nbgrader.points = 6
    (output,) = autograder.marked(test, evidence("03.unread", 256 * 588), {})
    assert float(output.data["text/plain"]) == 6
    assert "6 of 6 points" in output.data["text/html"]


@walled
def test_a_machine_without_memory_costs_nobody_a_mark(graded, root, monkeypatch) -> None:
    course = root / "course"
    monkeypatch.setattr(sandbox, "FULL", -1)
    place = course / "submitted" / "late" / ASSIGNMENT
    place.mkdir(parents=True)
    (place / "exercises.ipynb").write_text(json.dumps(hostile.written("pass")(sample())))
    found = {each.student: each for each in grading.grade(classroom.configured(course), ASSIGNMENT)}
    shutil.rmtree(place.parent)
    assert found["late"].notes == ["NOT GRADED: the machine ran out of memory; try again with --jobs 1"]
    assert found["honest"].points == FULL
    assert not (course / "autograded" / "late").exists()


@walled
def test_each_mark_has_a_record_and_depends_on_due_date_points_and_essay(graded, root, monkeypatch) -> None:
    course = root / "course"
    record = json.loads(grading.record_of(course, ASSIGNMENT, "honest").read_text())
    assert record["limits"]["memory"] == 1024
    assert set(record["versions"]) == {"inception-edu", "nbgrader", "ipykernel", "torch"}
    assert "exercises.ipynb" in record["sha256 of what was handed in"]
    again, record_all = [], grading._record
    monkeypatch.setattr(grading, "_record", lambda *given: (again.append(given[-1].student), record_all(*given)))
    grading.grade(classroom.configured(course), ASSIGNMENT)
    assert again == []
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2020-01-01")
        found = gradebook.find_grade("why_cheap", "exercises", ASSIGNMENT, "honest")
        found.manual_score = 3
        gradebook.db.commit()
    place = course / "submitted" / "honest" / ASSIGNMENT / "exercises.ipynb"
    notebook = json.loads(place.read_text())
    hostile.cell(notebook, "why_cheap")["source"] = "Another text."
    place.write_text(json.dumps(notebook))
    found = {each.student: each for each in grading.grade(classroom.configured(course), ASSIGNMENT, only="honest")}
    assert list(found) == again == ["honest"]
    assert found["honest"].notes == [
        "the answer 'why_cheap' was replaced after it had been marked by hand: mark it again"
    ]
    grading.grade(classroom.configured(course), ASSIGNMENT)
    assert set(again) == set(EXPECTED)


# ---- the sandbox --------------------------------------------------------------------------------

LOOK = """
import json, os, socket
try:
    reached = bool(socket.create_connection(("127.0.0.1", PORT), 1))
except OSError:
    reached = False
print(json.dumps([os.getuid(), sorted(os.environ), os.path.exists(WHERE), reached]))
"""


@pytest.fixture
def look():
    """A cell that tells what it can reach: a folder of the checkout, and a server of this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"PORT = {server.getsockname()[1]}\nWHERE = {str(hostile.ROOT / 'chapters')!r}\n{LOOK}"


@walled
def test_the_sandbox_shows_neither_the_teachers_rights_nor_files_nor_secrets(tmp_path, monkeypatch, look) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    settings = tmp_path / "settings.json"
    settings.write_text('{"03.control": [1]}')
    read = "print(open(os.environ['INCEPTION_EDU_SETTINGS']).read())"
    cells = [
        look,
        read,
        "1 / 0",
        "2 + 2",
        "await __import__('asyncio').sleep(0, 5)",
    ]
    done = execute(cells, settings=settings)
    assert done.problems == []
    user, names, seen, reached = json.loads(done.outputs[0][0]["text"])
    assert user not in (0, os.getuid())
    assert "SECRET_TOKEN" not in names
    assert not seen
    assert not reached
    assert done.outputs[1][0]["text"] == '{"03.control": [1]}\n'
    assert done.outputs[2][0]["ename"] == "ZeroDivisionError"
    assert [done.outputs[n][0]["data"]["text/plain"] for n in (3, 4)] == ["4", "5"]


REACH = """
import ctypes, fcntl, json, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def number(*call):
    ctypes.set_errno(0)
    return ctypes.get_errno() if libc.syscall(*call) < 0 else 0
refused = [number(*call) for call in CALLS]
locked = []
for lock in (fcntl.flock, fcntl.lockf):
    try:
        lock(open("/usr/bin/env"), fcntl.LOCK_SH)
        locked.append(lock.__name__)
    except PermissionError:
        pass
with open("/proc/self/status") as status:
    rights = [int(line.split()[1], 16) for line in status if line.startswith(("CapPrm", "CapEff", "CapAmb"))]
try:
    keys = open("/proc/keys").read()
except PermissionError:
    keys = ""
try:
    written = open("/run/more", "wb").write(bytes(2 * 10**6))
except OSError:
    written = 0
print(json.dumps([refused, locked, rights, keys, written]))
"""


@walled
def test_the_sandbox_has_no_keys_no_locks_on_common_files_no_rights_and_no_room_beside_its_sockets() -> None:
    tables = {name: row[walls.ARCHITECTURES[platform.machine()].index] for name, row in walls._FORBIDDEN.items()}
    calls = [(tables[name], 0, 0, 0, 0) for name in ("keyctl", "add_key", "request_key", "ptrace", "unshare", "bpf")]
    calls.append((walls._CLONE[walls.ARCHITECTURES[platform.machine()].index], 0x1000_0000, 0, 0, 0, 0))
    done = execute([f"CALLS = {calls!r}\n{REACH}"])
    refused, locked, rights, keys, written = json.loads(done.outputs[0][0]["text"])
    assert refused == [1] * len(calls)  # EPERM
    assert locked == []
    assert not any(rights)
    assert (keys, written) == ("", 0)


@walled
def test_a_run_has_a_session_keyring_of_its_own_and_leaves_the_teachers_alone() -> None:
    get = walls._FORBIDDEN["keyctl"][walls.ARCHITECTURES[platform.machine()].index]
    keyring = partial(ctypes.CDLL(None).syscall, get, 0, -3, 0)  # the number of the session keyring
    with ThreadPoolExecutor(1, initializer=walls.leave_keyring) as thread:
        theirs = thread.submit(keyring).result()
    if theirs < 0:
        pytest.skip("this kernel has no keys")
    assert theirs != keyring()


@pytest.mark.parametrize("machine", walls.ARCHITECTURES)
def test_the_filter_checks_the_architecture_and_refuses_the_other_numbers_of_the_same_machine(machine) -> None:
    here = walls.ARCHITECTURES[machine]

    def verdict(number: int, architecture: int = here.audit, *arguments: int) -> int:
        """What the filter returns, as the kernel would run it."""
        data = struct.pack("=iIQ6Q", number, architecture, 0, *arguments, *[0] * (6 - len(arguments)))
        program = list(struct.iter_unpack("=HBBI", walls.seccomp_filter(machine)))
        at, loaded = 0, 0
        while True:
            code, yes, no, operand = program[at]
            if code == 0x06:
                return operand
            if code == 0x20:
                (loaded,) = struct.unpack_from("=I", data, operand)
                at += 1
                continue
            holds = {0x15: loaded == operand, 0x35: loaded >= operand, 0x45: bool(loaded & operand)}[code]
            at += 1 + (yes if holds else no)

    allow, kill, refuse = 0x7FFF_0000, 0x8000_0000, 0x0005_0001
    assert verdict(0) == allow
    assert verdict(0, 3) == kill
    if machine == "x86_64":
        assert verdict(0x4000_0000) == kill
    for numbers in walls._FORBIDDEN.values():
        if numbers[here.index] is not None:
            assert verdict(numbers[here.index]) == refuse
    clone, fcntl = walls._CLONE[here.index], walls._FCNTL[here.index]
    assert (verdict(clone, here.audit, 17), verdict(clone, here.audit, 0x1000_0011)) == (allow, refuse)
    assert (verdict(fcntl, here.audit, 3, 3), verdict(fcntl, here.audit, 3, 6)) == (allow, refuse)
    assert verdict(435) == 0x0005_0026


@walled
def test_lines_that_people_copy_cost_no_answer() -> None:
    lines = ["%matplotlib inline", "%matplotlib widget", "%matplotlib notebook", "%load_ext no_such", "%nonsense"]
    cells = ["\n".join([*lines, "answer = 1"]), "%pylab\nanswer += 1", "%%no_such\nanswer += 1", "%%time\nanswer += 1"]
    done = execute([*cells, "answer"])
    assert done.problems == []
    assert done.outputs[4][0]["data"]["text/plain"] == "4"


def test_what_a_stream_says_in_pieces_is_one_output() -> None:
    pieces = [("stdout", "a"), ("stdout", "b"), ("stderr", "c"), ("stdout", "d")]
    outputs = [{"output_type": "stream", "name": name, "text": text} for name, text in pieces]
    assert [output["text"] for output in driver._joined(outputs)] == ["ab", "c", "d"]
    assert outputs[0]["text"] == "a"


FORGED = """
kernel = get_ipython().kernel
for text in ("a", ["b"]):
    content = {"name": "stdout", "text": text}
    kernel.session.send(kernel.iopub_socket, "stream", content, parent=kernel.get_parent())
"""


@pytest.mark.parametrize("cell", [FORGED, "get_ipython().kernel.iopub_thread.socket.close()"])
def test_a_cell_that_spoils_the_channel_costs_no_other_anything(monkeypatch, cell) -> None:
    monkeypatch.setattr(sandbox, "LAST", 5)
    done = execute([cell, "2"], protected=not why_unprotected())
    assert done.problems == [(0, "wrote into the grader's own channel")]
    assert done.outputs[1][0]["data"]["text/plain"] == "2"


def test_a_cell_that_ends_the_program_which_drives_its_kernel_costs_no_other_anything() -> None:
    cells = ["kept = 1", "import os; os.kill(os.getppid(), 6)", "kept"]  # as a failed assertion in a library of C does
    done = execute(cells, protected=False)
    assert done.problems == [(1, "broke the grader's own channel")]
    assert done.outputs[2][0]["data"]["text/plain"] == "1"
    with pytest.raises(driver.CrowdedError, match="broke the grader's own channel while other notebooks were running"):
        execute(cells, protected=False, alone=False)


def test_a_driver_that_says_nothing_more_is_not_waited_for(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "SILENCE", 0.5)
    never = threading.Event()
    with subprocess.Popen(["sleep", "1000"]) as silent:
        sandbox._wait(silent, tmp_path / driver.AT, tmp_path / driver.RESULT, never)
        driver.end(silent)
    assert silent.returncode


def test_a_driver_ends_with_the_grader_that_started_it(tmp_path) -> None:
    code = "from inception_edu.classroom.grading.sandbox import execute\n"
    code += f"execute([\"open({str(tmp_path / 'runs')!r}, 'w').close()\\nwhile True: pass\"], protected=False)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=hostile.ROOT) as grader:
        while not (tmp_path / "runs").exists():
            assert grader.poll() is None
            time.sleep(0.1)
        tree = psutil.Process(grader.pid).children(recursive=True)
        grader.kill()
    assert len(tree) >= 2
    _, alive = psutil.wait_procs(tree, timeout=300)
    assert not alive


def test_more_output_than_is_kept_stops_no_cell() -> None:
    cells = [
        "print('x' * 10**6)\nfrom IPython.display import display\nfor n in range(2_000): display(n)\nkept = 3",
        "kept",
    ]
    done = execute(cells, protected=not why_unprotected())
    assert done.problems == []
    assert done.outputs[1][0]["data"]["text/plain"] == "3"
    assert len(done.outputs[0]) <= 201
    assert len(json.dumps(done.outputs[0])) < 600_000


def test_without_walls_only_limits_hold(monkeypatch, look) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 10_000)
    cells = [look, "while True: pass", "kept = 1", "kept", "open('large', 'wb').write(bytes(2**21))"]
    done = execute(cells, Limits(cell_seconds=1.5, notebook_seconds=300, file_size=1), protected=False)
    user, _, seen, reached = json.loads(done.outputs[0][0]["text"])
    assert (user, seen, reached) == (os.getuid(), True, True)
    assert done.problems == [(1, "ran for more than 1.5 s")]
    assert done.outputs[3][0]["data"]["text/plain"] == "1"
    assert done.outputs[4][0]["ename"] == "OSError"


def test_a_notebook_that_used_up_its_time_says_what_was_not_run(monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 10_000)
    loops = Limits(cell_seconds=2, notebook_seconds=0.01)
    done = execute(["while True: pass", "1"], loops, protected=not why_unprotected())
    assert done.problems == [
        (0, "ran for more than 2 s"),
        (1, "was not run, one of 1: 0.01 s were used up"),
    ]
    assert done.outputs[1][0]["evalue"] == "the notebook had used its 0.01 s"


def test_limits_that_leave_no_room_for_python_are_the_teachers_fault() -> None:
    with pytest.raises(driver.SandboxError, match="20 MB of memory are not enough for Python and this package"):
        execute(["1"], Limits(memory=20), protected=not why_unprotected())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such", r"ended before the first cell: Traceback(.|\n)*No module named 'no_such'"),
        ("exit(3)", "ended before the first cell: without a word, with code 3"),
    ],
)
def test_a_program_that_reaches_no_cell_always_leaves_its_reason(tmp_path, monkeypatch, code, why) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sandbox.sys.executable}\n{code}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sandbox.sys, "executable", str(python))
    with pytest.raises(driver.SandboxError, match=why):
        execute(["1"], protected=False)


BEYOND = "took, with what it started, more than 3 s of computing"
WAITED = "waited for more than 4.5 s"


def test_the_clock_runs_while_a_cell_computes(monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 10_000)
    cells = ["import time\nwhile time.process_time() < 3: pass", "while True: pass", "2"]
    done = execute(cells, Limits(cell_seconds=4, notebook_seconds=900), protected=not why_unprotected())
    assert done.problems == [(1, "ran for more than 4 s")]


@walled
@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("{fill}", "used more than 1,024 MB of memory"),
        ("try:\n    {fill}\nexcept MemoryError: pass", "used more than 1,024 MB of memory"),
        ("import mmap\nwhile True: kept.append(mmap.mmap(-1, 2**24)); kept[-1].write(bytes(2**24))", "used more than"),
        ("while True: subprocess.run(['true'])", BEYOND),
        ("subprocess.run(['sleep', '1000'])", WAITED),
        ("import asyncio; await asyncio.sleep(1000)", WAITED),
        ("while True:\n    try: time.sleep(1000)\n    except BaseException: pass", BEYOND),
    ],
)
def test_a_cell_that_breaks_a_limit_costs_no_other_anything(monkeypatch, cell, why) -> None:
    if "except BaseException" in cell:
        monkeypatch.setattr(sandbox, "GRACE", 1)
    fill = "while True: kept.append(bytearray(10**7))"
    cells = ["import os, subprocess, time\nkept = []", cell.format(fill=fill), "len(kept)"]
    # A cell that only fills memory must have the time for it, however slow the machine is.
    seconds = 60 if why.startswith("used") else 3
    monkeypatch.setattr(sandbox, "PATIENCE", 1.5 if "sleep" in cell else 10_000)
    done = execute(cells, Limits(cell_seconds=seconds, memory=1024))
    assert [(number, said[: len(why)]) for number, said in done.problems] == [(1, why)]
    assert done.outputs[2][0]["data"]["text/plain"] == "0"


def test_what_the_clock_on_the_wall_stops_beside_others_is_run_again_alone(monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 1)
    cells, limits = ["import time; time.sleep(1000)"], Limits(cell_seconds=1)
    with pytest.raises(driver.CrowdedError, match="waited too long"):
        execute(cells, limits, protected=not why_unprotected(), alone=False)


@pytest.mark.parametrize("protected", [pytest.param(True, marks=walled), False])
def test_programs_that_a_cell_leaves_running_end_with_it(protected) -> None:
    start = "import os, subprocess\nsleeps = subprocess.Popen(['sleep', '1000'])"
    done = execute([start, "sleeps.wait()", "os.fork() and None", "3"], Limits(cell_seconds=20), protected=protected)
    assert done.problems == []
    assert done.outputs[3][0]["data"]["text/plain"] == "3"


def test_where_there_is_no_bubblewrap_grading_says_what_that_means(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(walls.shutil, "which", lambda name: None)
    why_unprotected.cache_clear()
    try:
        assert "sudo apt install bubblewrap" in str(why_unprotected())
        with pytest.raises(NbGraderException, match=r"could read the solutions, the gradebook.*--unprotected"):
            grading.grade(classroom.configured(tmp_path), ASSIGNMENT)
        with pytest.raises(NbGraderException, match="was not released"):
            grading.grade(classroom.configured(tmp_path, unprotected=True), ASSIGNMENT)
    finally:
        why_unprotected.cache_clear()


def test_what_comes_out_of_a_sandbox_is_taken_apart_and_only_harmless_parts_are_kept() -> None:
    picture = {
        "image/png": "aGVsbG8=",
        "image/jpeg": '"><script>',
        "text/html": "<b>",
        "text/plain": ["x"],
        EVIDENCE: {},
    }
    odd = [
        {"output_type": "display_data", "data": picture},
        {"output_type": "stream", "name": "std", "text": "a"},
        3,
        {},
    ]
    kept = autograder.harmless([*odd, {"output_type": "stream", "name": "stdout", "text": "a", "evil": 1}])
    assert [output.get("data", output.get("text")) for output in kept] == [{"image/png": "aGVsbG8=", EVIDENCE: {}}, "a"]
    assert "evil" not in kept[1]


def test_evidence_too_deep_and_text_that_is_none_are_made_harmless_and_earn_nothing(frame) -> None:
    deep: list = []
    for _ in range(2_000):
        deep = [deep]
    forged = [{"parts": [{"is": "conv", "channels": [[]], "kernel": {}}, 3], "numbers": [], "output": []}]
    (test,) = (cell for cell in frame.cells if cell.id == "control-check")
    for piece in (deep, forged, "\ud800"):
        bundle = {EVIDENCE: {"exercise": "03.control", "evidence": piece}}
        kept = autograder.harmless([{"output_type": "display_data", "data": bundle}])
        json.dumps(kept, ensure_ascii=False).encode()
        (output,) = autograder.marked(test, kept, {})
        assert float(output.data["text/plain"]) == 0
    (kept,) = autograder.harmless([{"output_type": "stream", "name": "stdout", "text": "half \udfff"}])
    assert kept["text"] == "half ?"


def evidence(exercise: str, *pieces) -> list:
    bundle = {"text/plain": "1.0", EVIDENCE: {"exercise": exercise, "evidence": list(pieces)}}
    return [{"output_type": "execute_result", "data": bundle}]


@pytest.mark.parametrize(
    ("outputs", "points", "line"),
    [
        (evidence("03.unread", 256 * 588), 1, "right"),
        (evidence("03.unread", 1024), 0, ""),
        (evidence("03.control", 256 * 588), 0, "produced no evidence"),
        ([{"output_type": "execute_result", "data": {"text/plain": "1.0"}}], 0, "produced no evidence"),
        ([{"output_type": "execute_result", "data": {EVIDENCE: 3}}], 0, "produced no evidence"),
        ([], 0, "produced no evidence"),
        (sandbox.stopped("this cell ran for more than 60 s"), 0, "Stopped: this cell ran for more than 60 s"),
    ],
)
def test_a_test_cell_shows_the_mark_for_its_evidence_and_nothing_else(frame, outputs, points, line) -> None:
    (test,) = (cell for cell in frame.cells if cell.id == "unread-check")
    (output,) = autograder.marked(test, outputs, {})
    assert float(output.data["text/plain"]) == points
    assert line in output.data["text/html"]


# ---- repair -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "exercises.ipynb"
    path.write_text(json.dumps(sample(hidden="assert 1")))
    return autograder.framed(path)


def fitted(frame, cells):
    notebook, notes = mend([bare(cell) for cell in cells], frame)
    return [cell.source for cell in notebook.cells], notes


def test_the_frame_has_no_solution_and_keeps_hidden_tests(frame) -> None:
    text = json.dumps(frame)
    assert "BEGIN SOLUTION" not in text
    assert "assert 1" in text


def test_what_was_repaired_needs_no_repair(frame) -> None:
    once, _ = mend([bare(cell) for cell in hostile.nameless(sample())["cells"]], frame)
    again, notes = mend([bare(cell) for cell in once.cells], frame)
    assert notes == []
    assert [cell.source for cell in again.cells] == [cell.source for cell in once.cells]


def test_an_own_cell_stays_behind_the_cell_that_it_followed(frame) -> None:
    cells = [*sample()["cells"]]
    cells.insert(3, {"cell_type": "code", "source": "mine = 1", "metadata": {}})
    sources, notes = fitted(frame, cells)
    assert notes == []
    assert sources[2].startswith("def control")
    assert sources[3] == "mine = 1"
    assert "assert 1" in sources[4]


def test_cells_in_another_order_come_into_the_frames(frame) -> None:
    straight, _ = fitted(frame, sample()["cells"])
    turned, notes = fitted(frame, sample()["cells"][::-1])
    assert turned == straight
    assert notes == []


def test_a_deleted_answer_is_not_filled_with_one_of_two_strangers(frame) -> None:
    cells = [cell for cell in sample()["cells"] if cell["id"] != "control"]
    cells[2:2] = [{"cell_type": "code", "source": f"a = {n}", "metadata": {}} for n in (1, 2)]
    sources, notes = fitted(frame, cells)
    assert notes == ["missing, so put back: control"]
    assert sources[2:4] == ["a = 1", "a = 2"]


def test_a_missing_answer_is_known_by_what_its_check_asks_for_beside_a_scratch_cell(frame) -> None:
    cells = [cell for cell in sample()["cells"] if cell["id"] != "control"]
    texts = ["scratch = 1", "%matplotlib inline\ndef control(channels, middle): return 3", "more = 2"]
    cells[2:2] = [{"cell_type": "code", "source": text, "metadata": {}} for text in texts]
    sources, notes = fitted(frame, cells)
    assert notes == ["the answer 'control' had lost its name and was recognised by what it defines"]
    assert sources[2:5] == ["scratch = 1", "more = 2", texts[1]]


def released() -> dict:
    return without_solutions(sample())


def test_an_answer_in_the_cell_below_and_an_essay_in_a_cell_of_its_own_are_found(frame) -> None:
    notebook = released()
    at = [cell.get("id") for cell in notebook["cells"]].index("control-check") + 1
    below = {"cell_type": "code", "source": "def control(channels, middle): return 3", "metadata": {}}
    notebook["cells"].insert(at, below)
    at = [cell.get("id") for cell in notebook["cells"]].index("why_cheap") + 1
    picture = {"attachments": {"a.png": {"image/png": "aGVsbG8="}}}
    for text in ("Because it is.", "![](attachment:a.png)"):
        notebook["cells"].insert(at, {"cell_type": "markdown", "source": text, "metadata": {}, **picture})
        at += 1
    done, notes = mend([bare(cell) for cell in notebook["cells"]], frame)
    assert notes == [f"the answer '{name}' was found in a later cell" for name in ("control", "why_cheap")]
    ids = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in done.cells}
    assert ids["control"].source == below["source"]
    assert ids["why_cheap"].source == "Because it is.\n\n![](attachment:a.png)"
    assert ids["why_cheap"].attachments == picture["attachments"]
    assert len(done.cells) == len(frame.cells)


def test_an_untouched_notebook_needs_no_repair(frame) -> None:
    done, notes = mend([bare(cell) for cell in released()["cells"]], frame)
    assert notes == []
    assert [cell.source for cell in done.cells] == [cell.source for cell in frame.cells]


def handed(tmp_path, notebook) -> Path:
    path = tmp_path / "exercises.ipynb"
    path.write_text(json.dumps(notebook))
    return path


def test_odd_files_that_hold_a_right_notebook_are_read(tmp_path, frame) -> None:
    straight, _ = fitted(frame, sample()["cells"])
    plots = sample()
    big = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 21_000_000}}
    for cell in plots["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [big]
            break
    no_kernel = sample() | {"metadata": {"kernelspec": None}}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": [], "metadata": {}}]}
    for cell in sample()["cells"]:
        key = "input" if cell["cell_type"] == "code" else "source"
        old["worksheets"][0]["cells"].append(
            {"cell_type": cell["cell_type"], "metadata": cell["metadata"], key: cell["source"]}
        )
    for notebook in (plots, no_kernel, old):
        cells, notes = read(handed(tmp_path, notebook), frame)
        assert notes == []
        assert [cell.source for cell in mend(cells, frame)[0].cells] == straight


def test_the_notebook_of_another_chapter_is_said_to_be_that(tmp_path, frame) -> None:
    other = json.loads((hostile.ROOT / "chapters/exercises/04_inception_v1/exercises.ipynb").read_text())
    with pytest.raises(UnreadableError, match="this is chapter 04; hand in chapter 03"):
        read(handed(tmp_path, other), frame)
    with pytest.raises(UnreadableError, match="3,000,000 characters"):
        read(handed(tmp_path, {"cells": [{"cell_type": "raw", "source": "x" * 3_000_000}]}), frame)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "damaged"),
        (b"[]", "damaged"),
        (b'{"cells": 3}', "damaged"),
        (b'{"cells": [{}]}', "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"cells": [{"cell_type": "code", "source": [1], "metadata": {}}]}', "damaged"),
        (b'{"cells": [], "metadata": {"kernelspec": 1}}', "damaged"),
        (b'{"worksheets": 3}', "damaged"),
    ],
)
def test_what_is_no_notebook_is_said_to_be_none(tmp_path, frame, content, word) -> None:
    path = tmp_path / "a.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=word):
        read(path, frame)


def test_which_file_is_graded(tmp_path) -> None:
    with pytest.raises(UnreadableError, match="there is no notebook"):
        find(tmp_path, "exercises.ipynb")
    (tmp_path / "a.ipynb").touch()
    assert find(tmp_path, "exercises.ipynb") == (tmp_path / "a.ipynb", ["'a.ipynb' was graded as exercises.ipynb"])
    (tmp_path / "b.ipynb").touch()
    with pytest.raises(UnreadableError, match=r"several others could be meant: 'a.ipynb', 'b.ipynb'"):
        find(tmp_path, "exercises.ipynb")
    (tmp_path / "exercises.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(UnreadableError, match="several"):
        find(tmp_path, "exercises.ipynb")


# ---- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "COURSE", "03"], "make classroom-release makes it"),
        (["release", "COURSE", "99"], "there is no chapter '99'"),
        (["release", "COURSE [1]", "03"], "choose another"),
        (["collect", "COURSE", "03", "nowhere"], "make classroom-release makes it"),
    ],
)
def test_a_mistake_of_the_teacher_ends_in_a_sentence(tmp_path, arguments, message) -> None:
    with pytest.raises(SystemExit, match=message):
        classroom.main([each.replace("COURSE", str(tmp_path / "no")) for each in arguments])


def test_a_second_release_keeps_the_teachers_own_source_and_a_chapter_needs_no_zero(tmp_path, capsys) -> None:
    course = tmp_path / "my first course"
    classroom.main(["release", str(course), "3"])
    source = course / "source" / ASSIGNMENT / "exercises.ipynb"
    notebook = json.loads(source.read_text())
    notebook["cells"][0]["source"] = ["# My own title"]
    source.write_text(json.dumps(notebook))
    classroom.main(["release", str(course), "03"])
    assert "My own title" in (course / "release" / ASSIGNMENT / "exercises.ipynb").read_text()
    assert f"released from your own {source.parent}" in capsys.readouterr().out


def test_two_graders_at_once_and_a_stop_by_hand_end_in_a_sentence(tmp_path, monkeypatch) -> None:
    config = classroom.configured(tmp_path, unprotected=True)
    with grading._only_one(tmp_path), pytest.raises(NbGraderException, match="another grading is running"):
        grading.grade(config, ASSIGNMENT)

    def stops(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(classroom, "run", stops)
    with pytest.raises(SystemExit, match="the same command continues from here"):
        classroom.main(["grade", str(tmp_path), "03"])
