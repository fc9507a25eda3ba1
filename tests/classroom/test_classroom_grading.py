"""The way of a notebook from release to feedback, with neighbours that try to fool the grader or to break it."""

import csv
import json
import os
import re
import shutil
import socket
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.converters.base import NbGraderException

from inception_edu.classroom import __main__ as classroom
from inception_edu.classroom.checking.marking import EVIDENCE
from inception_edu.classroom.grading import autograder, sandbox
from inception_edu.classroom.grading import course as grading
from inception_edu.classroom.grading.collecting import collect, student_of
from inception_edu.classroom.grading.repair import UnreadableError, bare, find, fit, read
from inception_edu.classroom.grading.sandbox import Limits, execute, why_unprotected
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
    "loop": (1, "name 'detour' is not defined", "the cell detour ran for more than 3 s"),
    "stubborn": (1, "name 'detour' is not defined", "the cell detour ran for more than 3 s"),
    "memory": (1, "name 'detour' is not defined", "the cell detour used more than 1,024 MB"),
    "forks": (
        1,
        "name 'detour' is not defined",
        "the cell detour and the programs that it started used more than 3 s, or",
    ),
    "output": (1, "name 'detour' is not defined", ""),
    "disk": (1, "name 'detour' is not defined", ""),
    "exit": (1, "name 'detour' is not defined", "the cell detour ended the program"),
    "kill": (1, "name 'detour' is not defined", ""),
    "no_test": (4, "", "missing, and put back: detour-check"),
    "no_answer": (1, "not answered yet", "missing, and put back: detour"),
    "twice": (4, "", "several cells 'detour'"),
    "nameless": (4, "", "'detour' had lost its name"),
    "forged_test": (1, "not answered yet", "changed, and set right: detour-check"),
    "r": (4, "", "another kernel, 'ir'"),
    "writes": (1, "wrote to 0 places", ""),
    "reads": (1, "found 0 files", ""),
    "network": (1, "name 'detour' is not defined", ""),
    "equal": (3, "this is a Yes", ""),
    "patched": (3, "output no evidence", "look at the check of 03.flat_head"),
    "forged": (0, "", ""),
    "channel": (1, "name 'detour' is not defined", "the grader's own channel"),
    "script": (4, "", ""),
    "renamed": (4, "", "'exercises (1).ipynb' was taken for exercises.ipynb"),
    "broken": (0, "not answered yet", "'exercises.ipynb' is damaged"),
    "huge": (0, "not answered yet", "has 30 MB"),
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
    assert ("mend" in pages(root, student).cells[0].source) == bool(
        [each for each in submission.notes if "the cell" not in each and "look at" not in each]
    )


@walled
def test_what_a_browser_would_run_does_not_reach_it(feedback, root) -> None:
    page = (feedback / "script" / ASSIGNMENT / "exercises.html").read_text()
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "alert(2)" in json.dumps(pages(root, "script"))  # in the source of the student's cell alone
    assert not [
        output for cell in pages(root, "script").cells for output in cell.get("outputs", ()) if "alert" in output
    ]


@walled
def test_feedback_shows_marks_and_no_hidden_test(feedback, root) -> None:
    for student in ("honest", "no_answer"):
        page = (feedback / student / ASSIGNMENT / "exercises.html").read_text()
        assert "assert detour" not in page
        assert "of 3 points" in page
    assert "assert detour" not in (root / "course" / "release" / ASSIGNMENT / "exercises.ipynb").read_text()
    assert "assert detour" in json.dumps(pages(root, "honest"))


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
    rows = {row["student"]: row for row in csv.DictReader((root / "report.csv").read_text().splitlines())}
    assert rows["exit"]["notes"] == "the cell detour ended the program"
    assert rows["honest"]["points"] == "4"
    assert rows["honest"]["to grade by hand"] == "yes"
    classroom.main(["export", str(root / "course")])
    marks = {
        row["student_id"]: row for row in csv.DictReader((root / "course" / "grades.csv").read_text().splitlines())
    }
    assert float(marks["honest"]["score"]) == FULL
    assert set(marks) == set(EXPECTED)


@walled
def test_a_machine_without_memory_costs_nobody_a_mark(graded, root, monkeypatch) -> None:
    course = root / "course"
    monkeypatch.setattr(sandbox, "FULL", -1)
    place = course / "submitted" / "late" / ASSIGNMENT
    place.mkdir(parents=True)
    (place / "exercises.ipynb").write_text(json.dumps(hostile.written("pass")(sample())))
    found = {each.student: each for each in grading.grade(classroom.configured(course), ASSIGNMENT)}
    shutil.rmtree(place.parent)
    assert found["late"].notes == ["NOT GRADED: the machine ran out of memory meanwhile; try again with --jobs 1"]
    assert found["honest"].points == FULL
    assert not (course / "autograded" / "late").exists()


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
    settings.write_text('{"03.detour": [1]}')
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
    assert done.outputs[1][0]["text"] == '{"03.detour": [1]}\n'
    assert done.outputs[2][0]["ename"] == "ZeroDivisionError"
    assert [done.outputs[n][0]["data"]["text/plain"] for n in (3, 4)] == ["4", "5"]


def test_without_walls_only_limits_hold(look) -> None:
    cells = [look, "while True: pass", "kept = 1", "kept"]
    done = execute(cells, Limits(cell_seconds=1.5, notebook_seconds=300), protected=False)
    user, _, seen, reached = json.loads(done.outputs[0][0]["text"])
    assert (user, seen, reached) == (os.getuid(), True, True)
    assert done.problems == [(1, "ran for more than 1.5 s")]
    assert done.outputs[3][0]["data"]["text/plain"] == "1"


def test_a_notebook_that_used_up_its_time_says_what_was_not_run() -> None:
    loops = Limits(cell_seconds=5, notebook_seconds=0.01)
    done = execute(["while True: pass", "1"], loops, protected=not why_unprotected())
    assert done.problems == [
        (0, "ran when the notebook had used its 0.01 s"),
        (1, "was not run, one of 1: 0.01 s were used up"),
    ]
    assert done.outputs[1][0]["evalue"] == "the notebook had used its 0.01 s before this cell"


def test_limits_that_leave_no_room_for_python_are_the_teachers_fault() -> None:
    with pytest.raises(sandbox.SandboxError, match="20 MB of memory are too few for Python and this package"):
        execute(["1"], Limits(memory=20), protected=not why_unprotected())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import no_such", r"ended before the first cell: Traceback(.|\n)*No module named 'no_such'"),
        ("exit(3)", "ended before the first cell: without a word, with code 3"),
        ("print(1)", "said something else than that it is ready: b'1"),
    ],
)
def test_a_program_that_reaches_no_cell_always_leaves_its_reason(tmp_path, monkeypatch, code, why) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!{sandbox.sys.executable}\n{code}\n")
    python.chmod(0o755)
    monkeypatch.setattr(sandbox.sys, "executable", str(python))
    with pytest.raises(sandbox.SandboxError, match=why):
        execute(["1"], protected=False)


def test_a_watch_that_looks_late_blames_no_other_cell(monkeypatch) -> None:
    read = sandbox._message

    def late(line: bytes) -> tuple:
        time.sleep(1)
        return read(line)

    monkeypatch.setattr(sandbox, "_message", late)
    done = execute(["1", "while True: pass"], Limits(cell_seconds=0.5), protected=not why_unprotected())
    assert done.problems == [(1, "ran for more than 0.5 s")]
    assert done.outputs[0][0]["data"]["text/plain"] == "1"


TOGETHER = "and the programs that it started used more than 3 s, or 2,048 MB of memory"


def test_the_clock_runs_while_a_cell_computes_or_sleeps_and_not_while_it_waits_for_a_core(monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 0.1)  # by the clock on the wall, a cell had one second
    cells = ["import time\nwhile time.process_time() < 3: pass", "time.sleep(1000)", "2"]
    done = execute(cells, Limits(cell_seconds=10, notebook_seconds=900), protected=not why_unprotected())
    assert done.problems == [(1, "ran for more than 10 s")]


@walled
@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("{fill}", "used more than 1,024 MB of memory"),
        ("try:\n    {fill}\nexcept MemoryError: pass", "used more than 1,024 MB of memory"),
        ("import mmap\nwhile True: kept.append(mmap.mmap(-1, 10**7)); kept[-1].write(bytes(10**7))", "used more than"),
        ("os.fork(); os.fork(); os.fork()\n{fill}\nwhile True: pass", TOGETHER),
        ("while True: subprocess.run(['true'])", TOGETHER),
        ("while True:\n    os.fork()", TOGETHER),
        ("subprocess.run(['sleep', '1000'])", TOGETHER),
    ],
)
def test_what_is_said_of_a_cell_does_not_hang_on_which_limit_was_seen_first(monkeypatch, cell, why) -> None:
    monkeypatch.setattr(sandbox, "PATIENCE", 1)
    fill = "while True: kept.append(bytearray(10**7))"
    cells = ["import os, subprocess\nkept = []", cell.format(fill=fill), "len(kept)"]
    # A cell that only fills memory must have the time for it, however slow the machine is.
    done = execute(cells, Limits(cell_seconds=60 if why.startswith("used") else 3, memory=1024))
    assert [(number, said[: len(why)]) for number, said in done.problems] == [(1, why)]
    assert done.outputs[2][0]["data"]["text/plain"] == "0"


@pytest.mark.parametrize("protected", [pytest.param(True, marks=walled), False])
def test_programs_that_a_cell_leaves_running_end_with_it(protected) -> None:
    start = "import os, subprocess\nsleeps = subprocess.Popen(['sleep', '1000'])"
    done = execute([start, "sleeps.wait()", "os.fork() and None", "3"], Limits(cell_seconds=20), protected=protected)
    assert done.problems == []
    assert done.outputs[3][0]["data"]["text/plain"] == "3"


def test_where_there_is_no_bubblewrap_grading_says_what_that_means(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
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


def evidence(exercise: str, *pieces) -> list:
    bundle = {"text/plain": "1.0", EVIDENCE: {"exercise": exercise, "evidence": list(pieces)}}
    return [{"output_type": "execute_result", "data": bundle}]


@pytest.mark.parametrize(
    ("outputs", "points", "line"),
    [
        (evidence("03.flat_head", 1024 * 1000), 1, "right"),
        (evidence("03.flat_head", 1024), 0, ""),
        (evidence("03.detour", 1024 * 1000), 0, "output no evidence"),
        ([{"output_type": "execute_result", "data": {"text/plain": "1.0"}}], 0, "output no evidence"),
        ([{"output_type": "execute_result", "data": {EVIDENCE: 3}}], 0, "output no evidence"),
        ([], 0, "output no evidence"),
        (sandbox.stopped("this cell ran for more than 60 s"), 0, "Stopped: this cell ran for more than 60 s"),
    ],
)
def test_a_test_cell_shows_the_mark_for_its_evidence_and_nothing_else(frame, outputs, points, line) -> None:
    (test,) = (cell for cell in frame.cells if cell.id == "flat_head-check")
    (output,) = autograder.marked(test, outputs, {})
    assert float(output.data["text/plain"]) == points
    assert line in output.data["text/html"]


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"start": "a"}', b"\xff\xfe", b"3", b'{"cell": 1}'])
def test_a_line_that_no_runner_writes_is_no_message(line) -> None:
    kind, content = sandbox._message(line)
    assert kind == "unreadable" or not isinstance(content, int)


# ---- repair -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frame(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "exercises.ipynb"
    path.write_text(json.dumps(sample(hidden="assert 1")))
    return autograder.framed(path)


def fitted(frame, cells):
    notebook, notes = fit([bare(cell) for cell in cells], frame)
    return [cell.source for cell in notebook.cells], notes


def test_the_frame_has_no_solution_and_keeps_hidden_tests(frame) -> None:
    text = json.dumps(frame)
    assert "BEGIN SOLUTION" not in text
    assert "assert 1" in text


def test_what_was_repaired_needs_no_repair(frame) -> None:
    once, _ = fit([bare(cell) for cell in hostile.nameless(sample())["cells"]], frame)
    again, notes = fit([bare(cell) for cell in once.cells], frame)
    assert notes == []
    assert [cell.source for cell in again.cells] == [cell.source for cell in once.cells]


def test_an_own_cell_stays_behind_the_cell_that_it_followed(frame) -> None:
    cells = [*sample()["cells"]]
    cells.insert(3, {"cell_type": "code", "source": "mine = 1", "metadata": {}})
    sources, notes = fitted(frame, cells)
    assert notes == []
    assert sources[2].startswith("def detour")
    assert sources[3] == "mine = 1"
    assert "assert 1" in sources[4]


def test_cells_in_another_order_come_into_the_frames(frame) -> None:
    straight, _ = fitted(frame, sample()["cells"])
    turned, notes = fitted(frame, sample()["cells"][::-1])
    assert turned == straight
    assert notes == []


def test_a_deleted_answer_is_not_filled_with_one_of_two_strangers(frame) -> None:
    cells = [cell for cell in sample()["cells"] if cell["id"] != "detour"]
    cells[2:2] = [{"cell_type": "code", "source": f"a = {n}", "metadata": {}} for n in (1, 2)]
    sources, notes = fitted(frame, cells)
    assert notes == ["missing, and put back: detour"]
    assert sources[2:4] == ["a = 1", "a = 2"]


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
    assert find(tmp_path, "exercises.ipynb") == (tmp_path / "a.ipynb", ["'a.ipynb' was taken for exercises.ipynb"])
    (tmp_path / "b.ipynb").touch()
    with pytest.raises(UnreadableError, match=r"several others: 'a.ipynb', 'b.ipynb'"):
        find(tmp_path, "exercises.ipynb")
    (tmp_path / "exercises.ipynb").symlink_to("/etc/passwd")
    with pytest.raises(UnreadableError, match="several"):
        find(tmp_path, "exercises.ipynb")


# ---- collecting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("ada.ipynb", "ada"),
        ("ada/exercises.ipynb", "ada"),
        ("Ada Lovelace_12345_assignsubmission_file_/exercises.ipynb", "Ada_Lovelace"),
        ("lovelaceada_LATE_123_456_exercises-1.ipynb", "lovelaceada"),
        ("lovelaceada_123_456_exercises.ipynb", "lovelaceada"),
        ("ada@example.org.ipynb", "ada@example.org"),
        ("../../etc/exercises.ipynb", None),
        ("..ipynb", None),
    ],
)
def test_whose_a_downloaded_file_is(name, student) -> None:
    assert student_of(name) == student


def test_a_zip_and_a_folder_are_collected_alike(tmp_path) -> None:
    folder = tmp_path / "downloads"
    (folder / "grace").mkdir(parents=True)
    (folder / "ada.ipynb").write_text("1")
    (folder / "grace" / "first.ipynb").write_text("2")
    (folder / "grace" / "exercises.ipynb").write_text("3")
    (folder / "notes.txt").write_text("4")
    with zipfile.ZipFile(tmp_path / "downloads.zip", "w") as archive:
        for path in folder.rglob("*.*"):
            archive.write(path, path.relative_to(folder))
        archive.writestr("../evil.ipynb", "5")
        archive.writestr("__MACOSX/._ada.ipynb", "6")
    for source in (folder, tmp_path / "downloads.zip"):
        told = collect(source, tmp_path / "submitted", ASSIGNMENT)
        submitted = tmp_path / "submitted"
        have = {path.relative_to(submitted).as_posix(): path.read_text() for path in submitted.rglob("*.ipynb")}
        assert have == {
            f"ada/{ASSIGNMENT}/exercises.ipynb": "1",
            f"grace/{ASSIGNMENT}/first.ipynb": "2",
            f"grace/{ASSIGNMENT}/exercises.ipynb": "3",
        }
        assert told[0] == "ada: ada.ipynb"
        assert re.fullmatch(
            r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\n",
            (tmp_path / "submitted/ada" / ASSIGNMENT / "timestamp.txt").read_text(),
        )
    assert not (tmp_path / "evil.ipynb").exists()
    with pytest.raises(ValueError, match="neither a folder nor a zip"):
        collect(folder / "notes.txt", tmp_path / "submitted", ASSIGNMENT)


# ---- the command line ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "COURSE", "03"], "make classroom-release makes it"),
        (["release", "COURSE", "99"], "there is no chapter '99'"),
        (["collect", "COURSE", "03", "nowhere"], "make classroom-release makes it"),
    ],
)
def test_a_mistake_of_the_teacher_ends_in_a_sentence(tmp_path, arguments, message) -> None:
    with pytest.raises(SystemExit, match=message):
        classroom.main([str(tmp_path / "no") if each == "COURSE" else each for each in arguments])
