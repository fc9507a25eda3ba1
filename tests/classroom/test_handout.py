import json
from pathlib import Path

import nbformat
import pytest

from inception_edu.classroom import handout
from inception_edu.classroom.handout import hand_out, without_solutions
from tests.support.exercises import FOLDERS, ROOT

SOURCES = ROOT / "chapters" / "exercises"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_student_version_is_a_notebook_without_solutions(folder) -> None:
    source = json.loads((folder / "exercises.ipynb").read_text())
    cut = without_solutions(source)
    nbformat.validate(cut)
    assert "SOLUTION" not in json.dumps(cut)
    for before, after in zip(source["cells"], cut["cells"], strict=True):
        assert ("".join(before["source"]) != "".join(after["source"])) == before["metadata"]["nbgrader"]["solution"]
        assert before["metadata"] == after["metadata"]  # so that it can be handed in


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_it_says_what_nbgrader_releases(folder) -> None:
    framed = pytest.importorskip("inception_edu.classroom.grading.autograder").framed(folder / "exercises.ipynb")
    cut = without_solutions(json.loads((folder / "exercises.ipynb").read_text()))
    assert [cell.source for cell in framed.cells] == ["".join(cell["source"]) for cell in cut["cells"]]


def test_all_chapters_are_handed_out_once_and_never_over_a_students_work(tmp_path) -> None:
    written = hand_out(SOURCES, tmp_path / "mine")
    assert [path.stem for path in written] == [folder.name for folder in FOLDERS]
    written[0].write_text("my work")
    written[1].unlink()
    assert hand_out(SOURCES, tmp_path / "mine") == [written[1]]
    assert written[0].read_text() == "my work"


def test_without_a_checkout_it_says_what_to_do(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["handout"])
    with pytest.raises(SystemExit, match="run this at the top of a checkout"):
        handout.main()
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.parametrize("given", [["--help"], ["one", "two"]])
def test_what_is_no_folder_is_answered_by_how_to_call_it(given, tmp_path, monkeypatch) -> None:
    (tmp_path / "chapters").symlink_to(ROOT / "chapters")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["handout", *given])
    with pytest.raises(SystemExit, match=r"\[FOLDER\]"):
        handout.main()
    assert [path.name for path in tmp_path.iterdir()] == ["chapters"]
