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
from nbgrader.utils import is_grade, is_locked, is_solution
from traitlets import Any as AnyTrait
from traitlets import Bool
from traitlets.config import Config

from ...data.files import write_whole
from ..checking.anatomy import IN_DOUBT
from ..checking.marking import EVIDENCE, Line, Mark, mark
from ..handout import STUB, TEXT_STUB
from .pages import FILTER
from .repair import BASE64, bare, mend
from .sandbox import Executed, execute
from .walls import Limits, why_unprotected

HIDDEN = "hidden.json"
EXECUTED = ".executed"
"""The folder of a course that keeps what notebooks output; it can be deleted at any time."""

Resources = dict[str, Any]


REPAIRED = [OverwriteCells]
"""What nbgrader does to a notebook that has been through `Repair`, which happens once."""


def configure(config: Config, limits: Limits | None = None, unprotected: bool = False) -> None:
    """Sets nbgrader up for our exercises; a course's nbgrader_config.py calls it and may go on from there.

    `unprotected` lets notebooks run without bubblewrap: with limits, but with access to all of the teacher's files.
    """
    config.CourseDirectory.ignore = [*CourseDirectory().ignore, HIDDEN]
    config.ClearSolutions.code_stub = CODE_STUB
    config.ClearSolutions.text_stub = TEXT_STUB
    before, after = [Repair, *REPAIRED], [LimitOutput, SaveAutoGrades, AssignLatePenalties]
    config.Autograde.sanitize_preprocessors = before
    config.Autograde.autograde_preprocessors = [ExecuteInSandbox, *after]
    config.GenerateFeedback.preprocessors = [GetGrades, TellUnmarked, ClearHiddenTests, CSSHTMLHeaderPreprocessor]
    config.HTMLExporter.filters = {"markdown2html": FILTER}  # of feedback, and of the formgrader
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


def explained(notebook: NotebookNode, notes: Sequence[str]) -> NotebookNode:
    """The notebook, with a cell at its top that tells the student what was repaired."""
    if notes:
        told = "\n".join(["**What the grader had to repair**", "", *(f"- {note}" for note in notes)])
        notebook.cells.insert(0, new_markdown_cell(told))
    return notebook


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
        return explained(*mend([bare(cell) for cell in nb.cells], frame)), resources


class ExecuteInSandbox(_Step):
    """Runs a notebook in a sandbox, and marks what comes out of it."""

    limits = AnyTrait(help="what one notebook may use: a Limits").tag(config=True)
    unprotected = Bool(False, help="run notebooks even where there is no sandbox").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """The notebook with outputs, those of test cells being marks.

        Raises NbGraderException where there is no sandbox and nobody said that none is needed.
        """
        source = self.source(resources)
        hidden = hidden_tasks(source)
        root = Path(self.parent.parent.coursedir.root)
        executed = executed_once(nb, hidden, root / EXECUTED, self.limits, self.unprotected)
        code = [cell for cell in nb.cells if cell.cell_type == "code"]
        above: list[str] = []
        for number, cell in enumerate(code):
            outputs = executed.outputs[number]
            cell.outputs = marked(cell, outputs, hidden, above)
            cell.execution_count = None
            above = [] if exercise_of(cell) else above + errors(outputs)
        nb.metadata["inception_edu"] = {"fingerprint": fingerprint(nb, hidden, self.limits)}
        return nb, resources


class TellUnmarked(GetGrades):  # type: ignore[misc]
    """Says on a page of feedback which answers the teacher has not marked yet; it comes after nbgrader's own step."""

    def preprocess_cell(self, cell: NotebookNode, resources: Resources, index: int) -> tuple[NotebookNode, Resources]:
        """Adds a comment to an answer that waits for its mark."""
        if is_grade(cell) and is_solution(cell):
            about = cell.metadata.nbgrader
            found = self.gradebook.find_grade(about.grade_id, self.notebook_id, self.assignment_id, self.student_id)
            if found.needs_manual_grade and found.manual_score is None:
                about.comment = "\n\n".join(filter(None, [UNMARKED, about.get("comment")]))
        return cell, resources


UNMARKED = "**This answer is not marked yet**, so the points above are not final."


# ---- running once ------------------------------------------------------------------------------


def fingerprint(nb: NotebookNode, hidden: Mapping[str, Any], limits: Limits) -> str:
    """A digest of everything that the outputs and marks of a notebook depend on."""
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
    alone: bool = True,
    stop: Event | None = None,
) -> Executed:
    """What a notebook outputs: from `folder`, where it ran before, or else from the sandbox and then kept there.

    Raises NbGraderException where there is no sandbox and `unprotected` is False; SandboxError and CrowdedError as
    `execute` does.
    """
    kept = folder / f"{fingerprint(nb, hidden, limits)}.json"
    if kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        return Executed(**{**stored, "outputs": {int(number): each for number, each in stored["outputs"].items()}})
    if (why := why_unprotected()) and not unprotected:
        raise NbGraderException(UNPROTECTED.format(why=why))
    settings = {f"{chapter_of(nb)}.{name}": task["settings"] for name, task in hidden.items()}
    with tempfile.TemporaryDirectory() as temporary:
        file = write_whole(Path(temporary, "settings.json"), json.dumps(settings))
        sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
        executed = execute(sources, limits, file, protected=not why, alone=alone, stop=stop)
    executed.outputs = {number: harmless(each) for number, each in executed.outputs.items()}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(kept, json.dumps(asdict(executed)))
    return executed


UNPROTECTED = (
    "Students' programs cannot be sandboxed here: {why}. Grading would run them with your rights: they could read the "
    "solutions, the gradebook and other students' work, write and delete your files, and use the network. Only time, "
    "memory, file sizes and output would be limited, and not even those for processes that hide. "
    "If you trust every student, add --unprotected."
)


def chapter_of(nb: NotebookNode) -> str:
    """The chapter, "03", that a notebook's checks name."""
    return next((name.partition(".")[0] for cell in nb.cells if (name := exercise_of(cell))), "")


# ---- what comes out of the sandbox is nobody's word ---------------------------------------------

_CHECK = re.compile(r"""\bcheck\(\s*["']([\w.]+)["']""")


def exercise_of(cell: NotebookNode) -> str | None:
    """The exercise "03.name" whose check a locked test cell holds."""
    found = _CHECK.search(cell.source) if cell.cell_type == "code" and is_grade(cell) and is_locked(cell) else None
    return found[1] if found else None


def harmless(outputs: Sequence[Any]) -> list[dict[str, Any]]:
    """Of what a student's program says it output, text, pictures and evidence; nothing that a browser would run."""
    kept: list[dict[str, Any]] = []
    for output in outputs:
        match tame(output):
            case {"output_type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
                kept.append(dict(new_output("stream", name=name, text=text)))
            case {"output_type": "error", "ename": str(ename), "evalue": str(evalue), "traceback": list(traceback)}:
                lines = [line for line in traceback if isinstance(line, str)]
                kept.append(dict(new_output("error", ename=ename, evalue=evalue, traceback=lines)))
            case {"output_type": "display_data" | "execute_result" as kind, "data": dict(data)}:
                safe = {key: value for key, value in data.items() if _safe(key, value)}
                kept.append(dict(new_output(kind, data=safe)))
    return kept


def tame(value: Any, depth: int = 60) -> Any:
    """Plain data as any program can read and write it: text without halves of characters, and not nested too deep.

    What is neither, or deeper than the parts of a network ever are, becomes None.
    """
    match value:
        case _ if depth == 0:
            return None
        case str():
            return value.encode(errors="replace").decode()
        case list() | tuple():
            return [tame(each, depth - 1) for each in value]
        case dict():
            return {str(tame(str(key))): tame(each, depth - 1) for key, each in value.items()}
        case bool() | int() | float() | None:
            return value
    return None


def _safe(kind: str, value: Any) -> bool:
    if kind in ("image/png", "image/jpeg"):
        return isinstance(value, str) and bool(BASE64.fullmatch(value))
    return (kind == "text/plain" and isinstance(value, str)) or kind == EVIDENCE


def errors(outputs: Sequence[Any]) -> list[str]:
    """The errors among the outputs of a cell, a sentence each."""
    return [f"{output['ename']}: {output['evalue'][:500]}" for output in outputs if output["output_type"] == "error"]


def marked(
    cell: NotebookNode, outputs: Sequence[Any], hidden: Mapping[str, Any], above: Sequence[str] = ()
) -> list[NotebookNode]:
    """The outputs of a code cell for the gradebook; of a cell with a check, nothing but the mark for its evidence.

    `above` are the errors of the cells since the last check: mostly they are why a check cannot run.
    """
    exercise = exercise_of(cell)
    if exercise is None:
        return [nbformat.from_dict(_without_evidence(output)) for output in outputs]
    full = float(cell.metadata.nbgrader.points)
    if (evidence := evidence_for(exercise, outputs)) is not None:
        result = mark(exercise, evidence, hidden.get(exercise.partition(".")[2]))
        if result.full:  # the teacher may have changed the points
            result = Mark(float(result) / result.full * full, full, result.lines)
    else:
        lines = [Line(False, f"the check could not run: {(errors(outputs) or [NO_EVIDENCE])[-1]}")]
        lines += [Line(False, f"a cell above it ended in {above[-1]}")] if above else []
        result = Mark(0, full, lines)
    points = min(max(float(result), 0.0), full)
    data = {"text/plain": repr(points), "text/html": result.html}
    return [new_output("execute_result", data=data, execution_count=None)]


NO_EVIDENCE = "it ended without an error but produced no evidence"


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
    odd = [f"the cell {names[number]} {why}" for number, why in executed.problems]
    for number, cell in enumerate(code):
        if exercise := exercise_of(cell):
            outputs = executed.outputs[number]
            evidence = evidence_for(exercise, outputs)
            if evidence is None and not errors(outputs):
                odd.append(f"look at the check of {exercise}: {NO_EVIDENCE}")
            lines = mark(exercise, evidence).lines if evidence else ()
            odd += [f"look at {exercise}: {line.text}" for line in lines if IN_DOUBT in line.text]
    return odd


def _without_evidence(output: Mapping[str, Any]) -> dict[str, Any]:
    if "data" not in output:
        return dict(output)
    return {**output, "data": {kind: value for kind, value in output["data"].items() if kind != EVIDENCE}}
