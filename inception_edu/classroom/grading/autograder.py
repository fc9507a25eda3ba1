"""Our way of running notebooks, put into nbgrader's autograder.

`configure` is the whole configuration. Two steps are ours: `Repair` comes first and fits a submission into the frame of
what was handed out; `ExecuteInSandbox` comes where nbgrader would run the notebook, runs it inside walls, and marks it
out here from the evidence that its checks output. So `nbgrader autograde` and the button of the formgrader are as safe
as `make classroom-grade`.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    ClearHiddenTests,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    GetGrades,
    LimitOutput,
    LockCells,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
)
from nbgrader.utils import is_grade, is_locked
from traitlets import Any as AnyTrait
from traitlets import Bool
from traitlets.config import Config

from ...data.files import write_whole
from ..checking.marking import EVIDENCE, Line, Mark, mark
from ..handout import STUB, TEXT_STUB
from .repair import bare, fit
from .sandbox import Executed, Limits, execute, why_unprotected

HIDDEN = "hidden.json"
EXECUTED = ".executed"
"""The folder of a course that keeps what notebooks output; it can be deleted at any time."""

Resources = dict[str, Any]


def configure(config: Config, limits: Limits | None = None, unprotected: bool = False) -> None:
    """Sets nbgrader up for our exercises; a course's nbgrader_config.py calls it and may go on from there.

    `unprotected` lets notebooks run where there is no bubblewrap: with limits, but with all of the teacher's files.
    """
    config.CourseDirectory.ignore = [*CourseDirectory().ignore, HIDDEN]
    config.ClearSolutions.code_stub = CODE_STUB
    config.ClearSolutions.text_stub = TEXT_STUB
    before, after = [Repair, OverwriteCells], [LimitOutput, SaveAutoGrades, AssignLatePenalties, SanitizeAnswers]
    config.Autograde.sanitize_preprocessors = before
    config.Autograde.autograde_preprocessors = [ExecuteInSandbox, *after]
    config.GenerateFeedback.preprocessors = [GetGrades, ClearHiddenTests, CSSHTMLHeaderPreprocessor]
    config.ExecuteInSandbox.limits = limits or Limits()
    config.ExecuteInSandbox.unprotected = unprotected


CODE_STUB = {"python": STUB}  # nbgrader's own raises, and then a check could not say "not answered yet"


def framed(source: Path) -> NotebookNode:
    """An assignment's source without solutions, but with hidden tests: what nbgrader's gradebook keeps of it."""
    notebook = nbformat.read(source, as_version=4)
    for step in (
        LockCells(),
        ClearSolutions(code_stub=CODE_STUB, text_stub=TEXT_STUB),
        ClearOutput(),
        ComputeChecksums(),
    ):
        notebook, _ = step.preprocess(notebook, {})
    return notebook


def hidden_tasks(source: Path) -> dict[str, Any]:
    """What an assignment's source folder holds of hidden tests, by exercise."""
    path = source / HIDDEN
    tasks: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return tasks


def explained(notes: Sequence[str]) -> NotebookNode:
    """A cell on top of a notebook that tells its student what was mended."""
    return new_markdown_cell("\n".join(["**What the grader had to mend**", "", *(f"- {note}" for note in notes)]))


class _Step(NbGraderPreprocessor):  # type: ignore[misc]
    """A step of a converter, which knows the course."""

    def source(self, resources: Resources) -> Path:
        """The folder with the assignment's source."""
        course: CourseDirectory = self.parent.parent.coursedir
        return Path(course.format_path(course.source_directory, ".", resources["nbgrader"]["assignment"]))


class Repair(_Step):
    """Fits a submission into its frame."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The frame with the answers in it."""
        frame = framed(self.source(resources) / f"{resources['nbgrader']['notebook']}.ipynb")
        fitted, notes = fit([bare(cell) for cell in nb.cells], frame)
        if notes:
            fitted.cells.insert(0, explained(notes))
        return fitted, resources


class ExecuteInSandbox(_Step):
    """Runs a notebook in a sandbox, and marks what comes out of it."""

    limits = AnyTrait(help="what one notebook may use: a Limits").tag(config=True)
    unprotected = Bool(False, help="run notebooks also where there is no sandbox").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The notebook with outputs, those of test cells being marks.

        Raises NbGraderException where there is no sandbox and nobody said that none is needed.
        """
        source = self.source(resources)
        hidden = hidden_tasks(source)
        root = Path(self.parent.parent.coursedir.root)
        executed = executed_once(nb, hidden, root / EXECUTED, self.limits, self.unprotected)
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        for number, cell in enumerate(code):
            cell.outputs = marked(cell, executed.outputs[number], hidden)
            cell.execution_count = None
        nb.metadata["inception_edu"] = {"digest": digest(nb, hidden, self.limits)}
        return nb, resources


class SanitizeAnswers(SanitizeHTML):
    """Takes programs out of what students wrote as text: graders and students open it in a browser."""

    enabled = Bool(True)

    def preprocess_cell(self, cell: NotebookNode, resources: Resources, index: int) -> tuple[NotebookNode, Resources]:
        """Escapes all but harmless HTML in an answer."""
        if cell.cell_type == "markdown" and not is_locked(cell):
            cell.source = self.sanitize_html_tags(cell.source)  # type: ignore[no-untyped-call]
        return cell, resources


# ---- running once ------------------------------------------------------------------------------


def digest(nb: NotebookNode, hidden: Mapping[str, Any], limits: Limits) -> str:
    """Stands for everything on which the outputs and marks of a notebook hang."""
    cells = [[cell.cell_type, cell.source] for cell in nb.cells]
    return hashlib.sha256(json.dumps([cells, hidden, asdict(limits), _package()], sort_keys=True).encode()).hexdigest()


@cache
def _package() -> str:
    """A digest of this package and what its checks expect."""
    here = Path(__file__).resolve().parents[2]
    files = [*here.rglob("*.py"), *here.glob("_assets/exercises/*"), *here.parent.glob("assets/exercises/*")]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sorted(files))).hexdigest()


def executed_once(
    nb: NotebookNode,
    hidden: Mapping[str, Any],
    folder: Path,
    limits: Limits,
    unprotected: bool = False,
    stop: Event | None = None,
) -> Executed:
    """What a notebook outputs: from `folder`, where it ran before, or else from the sandbox and then kept there.

    Raises NbGraderException where there is no sandbox and `unprotected` is not said.
    """
    kept = folder / f"{digest(nb, hidden, limits)}.json"
    if kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        return Executed(**{**stored, "outputs": {int(number): each for number, each in stored["outputs"].items()}})
    if (why := why_unprotected()) and not unprotected:
        raise NbGraderException(UNPROTECTED.format(why=why))
    settings = {f"{chapter_of(nb)}.{name}": task["settings"] for name, task in hidden.items()}
    with tempfile.TemporaryDirectory() as temporary:
        file = write_whole(Path(temporary, "settings.json"), json.dumps(settings))
        sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
        executed = execute(sources, limits, file, protected=not why, stop=stop)
    executed.outputs = {number: harmless(each) for number, each in executed.outputs.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(kept, json.dumps(asdict(executed)))
    return executed


UNPROTECTED = (
    "Students' programs cannot be shut in here: {why}. Grading would run them with your rights: they could read the "
    "solutions, the gradebook and other students' work, write and delete your files, and use the network; only time, "
    "memory, size of files and output would be limited, and for processes that hide not even those. "
    "If you trust every student, say --unprotected."
)


def chapter_of(nb: NotebookNode) -> str:
    """The chapter, "03", that a notebook's checks name."""
    return next((name.partition(".")[0] for cell in nb.cells if (name := exercise_of(cell))), "")


# ---- what comes out of the sandbox is nobody's word ---------------------------------------------

_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]*")
_CHECK = re.compile(r"""\bcheck\(\s*["']([\w.]+)["']""")


def exercise_of(cell: NotebookNode) -> str | None:
    """The exercise "03.name" whose check a locked test cell holds."""
    found = _CHECK.search(cell.source) if cell.cell_type == "code" and is_grade(cell) and is_locked(cell) else None
    return found[1] if found else None


def harmless(outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """Of what a student's program says it output, text, pictures and evidence; nothing that a browser would run."""
    kept: list[dict[str, Any]] = []
    for output in outputs:
        match output:
            case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
                kept.append(dict(new_output("stream", name=name, text=text)))
            case {"output_type": "error", "ename": str(ename), "evalue": str(evalue), "traceback": list(traceback)}:
                lines = [line for line in traceback if isinstance(line, str)]
                kept.append(dict(new_output("error", ename=ename, evalue=evalue, traceback=lines)))
            case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
                safe = {key: value for key, value in data.items() if _safe(key, value)}
                kept.append(dict(new_output(kind, data=safe)))
    return kept


def _safe(kind: str, value: Any) -> bool:
    if kind in ("image/png", "image/jpeg"):
        return isinstance(value, str) and bool(_BASE64.fullmatch(value))
    return (kind == "text/plain" and isinstance(value, str)) or kind == EVIDENCE


def marked(cell: NotebookNode, outputs: Sequence[Any], hidden: Mapping[str, Any]) -> list[NotebookNode]:
    """The outputs of a code cell for the gradebook; of a cell with a check, nothing but the mark for its evidence."""
    exercise = exercise_of(cell)
    if exercise is None:
        return [nbformat.from_dict(_without_evidence(output)) for output in outputs]
    full = float(cell.metadata.nbgrader.points)
    if (evidence := evidence_for(exercise, outputs)) is not None:
        result = mark(exercise, evidence, hidden.get(exercise.partition(".")[2]))
    else:
        errors = [f"{output['ename']}: {output['evalue']}" for output in outputs if output["output_type"] == "error"]
        result = Mark(0, full, [Line(False, f"the check could not run: {(errors or [NO_EVIDENCE])[-1]}")])
    points = min(max(float(result), 0.0), full)
    data = {"text/plain": repr(points), "text/html": result.html}
    return [new_output("execute_result", data=data, execution_count=None)]


NO_EVIDENCE = "it ended without an error and output no evidence"


def evidence_for(exercise: str, outputs: Sequence[Any]) -> Any:
    """The evidence for an exercise among the outputs of its check, or None."""
    for output in outputs:
        match output.get("data", {}).get(EVIDENCE):
            case {"exercise": name, "evidence": evidence} if name == exercise:
                return evidence
    return None


def oddities(nb: NotebookNode, executed: Executed) -> list[str]:
    """A sentence for each cell that was stopped, and for each check that was kept from its work without any error."""
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    names = [cell.metadata.get("nbgrader", {}).get("grade_id", "of the student's own") for cell in code]
    silent = [
        f"look at the check of {exercise}: {NO_EVIDENCE}"
        for number, cell in enumerate(code)
        if (exercise := exercise_of(cell))
        and evidence_for(exercise, executed.outputs[number]) is None
        and not any(output["output_type"] == "error" for output in executed.outputs[number])
    ]
    return [*(f"the cell {names[number]} {why}" for number, why in executed.problems), *silent]


def _without_evidence(output: Mapping[str, Any]) -> dict[str, Any]:
    if "data" not in output:
        return dict(output)
    return {**output, "data": {kind: value for kind, value in output["data"].items() if kind != EVIDENCE}}
