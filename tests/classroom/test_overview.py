"""Statistics of a class, and notebooks that are alike."""

import json

import nbformat
import pytest

from inception_edu.classroom.grading.overview import alike, by_exercise, table
from tools.hostile import cell, sample


def marked(*points: float, told: str = "look here") -> nbformat.NotebookNode:
    """An autograded notebook with these points of 2 for each exercise."""
    cells = []
    for number, each in enumerate(points):
        html = "" if each == 2 else f"<li><b>look:</b> {told} &amp; there</span></li>"
        output = nbformat.v4.new_output("execute_result", data={"text/plain": str(each), "text/html": html})
        cells.append(nbformat.v4.new_code_cell("check()", outputs=[output]))
        about = {"grade": True, "locked": True, "solution": False, "points": 2, "grade_id": f"e{number}-check"}
        cells[-1].metadata.nbgrader = about
    return nbformat.v4.new_notebook(cells=cells)


def test_each_exercise_has_its_share_its_discrimination_and_its_commonest_sentence() -> None:
    first, second, third = by_exercise([marked(2, 2, 1), marked(2, 1, 1, told="x"), marked(0, 0, 1), marked(0, 0, 1)])
    assert (first.exercise, first.students, first.mean, first.right) == ("e0", 4, 0.5, 0.5)
    assert first.discrimination == pytest.approx(0.905, abs=1e-3)
    assert second.mean == 0.375
    assert (second.sentence, second.times) == ("look here & there", 2)
    assert third.discrimination is None
    assert table([first, third]).splitlines()[2] == "e2,4,0.50,0.00,,look here & there,3"


def test_of_sentences_told_equally_often_the_first_is_named() -> None:
    many = "0</span><b>look:</b> " + "</span><b>look:</b> ".join(map(str, range(1, 20)))
    (row,) = by_exercise([marked(1, told=many)])
    assert (row.sentence, row.times) == ("0", 1)


def test_notebooks_that_are_alike_are_paired_whatever_their_comments() -> None:
    def handed(code: str) -> nbformat.NotebookNode:
        notebook = sample()
        cell(notebook, "control")["source"] = code
        return nbformat.reads(json.dumps(notebook), as_version=4)  # joins the lines of a cell

    lines = [f"    a{n} = channels + {n} * middle" for n in range(12)]
    long = "def control(channels, squeeze, out):\n" + "\n".join(lines)
    other = long.replace("middle", "inner").replace("+", "-")
    frame = handed("def control(channels, squeeze, out): ...")
    notebooks = {"a": handed(long), "b": handed(f"# mine\n{long}  # own work\n\n"), "c": handed(other), "d": frame}
    assert [(pair.first, pair.second, pair.share) for pair in alike(notebooks, frame)] == [("a", "b", 1.0)]
