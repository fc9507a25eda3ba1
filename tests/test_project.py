"""The project around the package: what one file promises is true in the others, and chapters are as they should be."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

import inception_edu
from inception_edu import arithmetic
from inception_edu.cli import main, torchvision_for

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CHAPTERS = sorted((ROOT / "chapters").glob("*.ipynb"))
DEEPER = sorted((ROOT / "chapters" / "deeper").glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.:/~-])/(?:root|home|tmp|work|opt|Users)/|[A-Z]:\\+Users\\")
MAX_LINES = {"chapters": 25, "deeper": 15}
MAX_IMPORTS = 8


def requirements(*extras: str) -> dict[str, SpecifierSet]:
    """What the core and the named extras ask for: normalised name -> range."""
    lines = [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]
    asked = (Requirement(line) for line in lines)
    return {canonicalize_name(r.name): r.specifier for r in asked if r.name != PROJECT["name"]}


def pins(path: str) -> dict[str, str]:
    """The file's exact versions; any other kind of line fails."""
    found: dict[str, str] = {}
    for line in (ROOT / path).read_text().splitlines():
        if line and not line.startswith("#"):
            match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][0-9a-z.]*)", line)
            assert match, f"{path}: {line!r} is not an exact version that any machine can install"
            found[canonicalize_name(match[1])] = match[2]
    return found


def lower_end(allowed: SpecifierSet) -> str:
    return min((part.version for part in allowed if part.operator == ">="), key=Version)


def project_files() -> list[Path]:
    """Every file that is, or would be, committed; without git, every file outside hidden folders."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # A copy without .git that lies inside another repository is not what git then lists.
    if listed.returncode == 0 and (ROOT / ".git").exists():
        return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    kept = {".binder", ".ci", ".github", ".gitignore", ".pre-commit-config.yaml"}
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and ((top := path.relative_to(ROOT).parts[0]) in kept or not top.startswith("."))
    ]


# ---- the package as a whole -------------------------------------------------------------------


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import sys, inception_edu as ie; len(ie.FAMILY); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "inception_edu.family" in loaded
    assert not {"torch", "numpy", "matplotlib", "ipywidgets", "IPython"} & set(loaded)


def test_the_version_is_the_same_everywhere() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    latest = re.search(r"^## (\S+?)[, ]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert latest
    installed = metadata.version("inception-edu")
    assert {citation["version"], latest[1], installed} == {inception_edu.__version__}


def test_the_wheel_carries_the_assets_and_nothing_else_of_the_project(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assets = {
        path.relative_to(ROOT / "assets").as_posix() for path in project_files() if path.is_relative_to(ROOT / "assets")
    }
    assert "fashion_mnist/t10k-images-idx3-ubyte.gz" in assets
    assert {f"inception_edu/_assets/{name}" for name in assets} <= names
    assert {"inception_edu/models/googlenet.py", "inception_edu/py.typed", "inception_edu/__init__.pyi"} <= names
    assert {name.split("/")[0] for name in names} == {
        "inception_edu",
        f"inception_edu-{inception_edu.__version__}.dist-info",
    }


def test_every_record_that_a_notebook_reads_ships() -> None:
    for path in [*ROOT.glob("chapters/*.ipynb"), *ROOT.glob("chapters/*/*.ipynb"), *ROOT.glob("chapters/*/*/*.ipynb")]:
        for name in re.findall(r'load_record\(\\?"(\w+)', path.read_text(encoding="utf-8")):
            assert (ROOT / "assets" / "records" / f"{name}.json").exists(), f"{path.name} reads {name}"


# ---- requirements -----------------------------------------------------------------------------


def test_conda_and_pip_ask_for_the_same() -> None:
    from rattler import MatchSpec

    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    lines = [line for line in listed if isinstance(line, str)]
    names = {"pytorch": "torch"}
    conda = {names.get(n := line.split()[0], n): SpecifierSet(str(MatchSpec(line).version or "")) for line in lines}
    pip = requirements("course") | {"python": SpecifierSet(PROJECT["requires-python"]), "pip": SpecifierSet()}
    assert conda == pip
    assert [line for line in listed if not isinstance(line, str)] == [{"pip": ["-e ."]}]


def test_the_constraints_pin_every_requirement_within_its_range() -> None:
    pinned = pins("constraints.txt")
    for name, allowed in requirements("course", "teach", "train", "dev").items():
        assert pinned[name] in allowed, f"{name}=={pinned[name]} is outside {allowed}"


def test_the_oldest_set_is_the_lower_end_of_every_range() -> None:
    oldest = pins("constraints-oldest.txt")
    for name, allowed in requirements("course").items():
        version = lower_end(allowed)
        assert Version(oldest[name]) == Version(version), f"{name}: {oldest[name]} was tested, {version} is allowed"


def test_only_teachers_get_teachers_menus() -> None:
    assert "nbgrader" in requirements("teach")
    assert "nbgrader" not in requirements("course")


def test_the_peers_are_pinned_and_want_the_torch_that_was_tested() -> None:
    peers = pins("tests/requirements-peers.txt")
    assert set(peers) == {"torchvision", "timm", "facenet-pytorch", "pretrainedmodels"}
    try:
        wants = metadata.requires("torchvision") or []
    except metadata.PackageNotFoundError:
        pytest.skip("torchvision is not installed: `make test` installs it")
    assert metadata.version("torchvision") == peers["torchvision"]
    (torch,) = (r for r in map(Requirement, wants) if r.name == "torch")
    assert pins("constraints.txt")["torch"] in torch.specifier


# ---- chapters ---------------------------------------------------------------------------------


def test_the_chapters_are_numbered_without_a_gap() -> None:
    assert [path.stem[:3] for path in CHAPTERS] == [f"{number:02}_" for number in range(len(CHAPTERS))]
    assert len(CHAPTERS) == 14


@pytest.fixture(params=[*CHAPTERS, *DEEPER], ids=lambda path: path.stem)
def path(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture
def notebook(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def test_a_notebook_was_run_from_the_top(notebook: nbformat.NotebookNode) -> None:
    cells = code_cells(notebook)
    assert cells
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert any(cell.outputs for cell in cells)


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request: pytest.FixtureRequest) -> nbformat.NotebookNode:
    return nbformat.read(request.param, as_version=4)


def words(chapter: nbformat.NotebookNode) -> str:
    """What a chapter says, without code."""
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    return re.sub(r"```.*?```|`[^`]*`|\$[^$]*\$", " ", text, flags=re.DOTALL)


def test_a_chapter_is_forty_minutes(chapter: nbformat.NotebookNode) -> None:
    assert len(words(chapter).split()) <= 2_200
    lines = [line for cell in code_cells(chapter) for line in without_imports(cell.source) if line.strip()]
    assert len(lines) <= 150
    assert len(re.findall(r"\*\*[^*]{25,}\*\*", words(chapter))) <= 5, "bold sentences"
    (first, *_) = code_cells(chapter)
    assert len(re.findall(r"^(?:import|from) ", first.source, re.MULTILINE)) <= 8


def test_a_chapter_has_all_that_a_reader_expects(chapter: nbformat.NotebookNode) -> None:
    text = words(chapter)
    assert re.match(r"# \d\d · ", text)
    assert text.split("##")[0].count("<details>") <= 2, "at most two questions to warm up"
    headings = re.findall(r"^## (.*)", text, re.MULTILINE)
    assert not {"What to remember", "Check yourself", "Your turn"} - set(headings), headings
    assert re.search(r"\*\*Next:\*\* ", chapter.cells[-1].source), "a chapter ends with what comes next"
    sources = [cell.source for cell in code_cells(chapter)]
    assert any(re.search(r"^class \w+\(nn\.Module\):", source, re.MULTILINE) for source in sources), "a class of ours"
    assert any(re.search(r"^guess\w*(, guess\w*)* = ", source, re.MULTILINE) for source in sources), "a guess"
    assert any("_explorer()" in source for source in sources)
    assert "中" not in text
    assert not re.search(r"\b(?:claim|tutorial)s?\b", text), "a chapter argues with nobody"


def definitions(source: str) -> dict[str, str]:
    """The text of each function and class at the top of some code, by name."""
    found = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    return {node.name: ast.get_source_segment(source, node) or "" for node in found}


def test_what_chapters_import_from_my_inception_is_what_chapters_define() -> None:
    cells = [cell.source for path in CHAPTERS for cell in code_cells(nbformat.read(path, as_version=4))]
    written = {text for cell in cells for text in definitions(cell).values()}
    kept = definitions((ROOT / "chapters" / "my_inception.py").read_text())
    imported = {
        name
        for cell in cells
        for line in re.findall("^from my_inception import (.*)", cell, re.MULTILINE)
        for name in line.split(", ")
    }
    assert imported
    assert imported <= set(kept)
    assert not [name for name, text in kept.items() if text not in written]


def test_headings_have_cells_of_their_own(chapter: nbformat.NotebookNode) -> None:
    cells = [cell.source for cell in chapter.cells[1:] if cell.cell_type == "markdown"]
    assert not [source for source in cells if re.search(r"^#", source, re.MULTILINE) and "\n" in source.strip()]


def test_an_answer_to_a_guess_is_collapsed(chapter: nbformat.NotebookNode) -> None:
    answers = [cell for cell in code_cells(chapter) if re.search(r"compare\(guess", cell.source)]
    assert not [cell.id for cell in answers if not cell.metadata.get("jupyter", {}).get("outputs_hidden")]


def test_every_figure_of_a_notebook_is_described(notebook: nbformat.NotebookNode) -> None:
    for cell in code_cells(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            assert "image/png" not in data, f"{cell.id}: a PNG carries no description; use figures.show"
            for drawing in re.findall(r"<svg[^>]*>", data.get("text/html", "")):
                assert 'role="img"' in drawing, cell.id


def test_no_cell_of_a_notebook_failed(notebook: nbformat.NotebookNode) -> None:
    outputs = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output.text for output in outputs if output.get("name") == "stderr"]


def test_no_widget_of_a_notebook_holds_a_traceback(notebook: nbformat.NotebookNode) -> None:
    state = json.dumps(notebook.metadata.get("widgets", {}))
    assert "Traceback (most recent call last)" not in state
    assert '"output_type": "error"' not in state


def test_every_widget_of_a_notebook_was_saved(notebook: nbformat.NotebookNode) -> None:
    """So that a page without a kernel shows every explorer."""
    view = "application/vnd.jupyter.widget-view+json"
    shown = {
        o.data[view]["model_id"] for cell in code_cells(notebook) for o in cell.outputs if view in o.get("data", {})
    }
    saved = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    assert shown <= set(saved)


def without_imports(source: str) -> list[str]:
    """The lines of a cell that are there to be read."""
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    skipped = {number for node in imports for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    return [line for number, line in enumerate(source.splitlines(), 1) if number not in skipped]


def test_the_cells_of_a_notebook_are_short(path: Path, notebook: nbformat.NotebookNode) -> None:
    most = MAX_LINES[path.parent.name]
    lines = [without_imports(cell.source) for cell in code_cells(notebook)]
    long = [cell[0] for cell in lines if len(cell) > most]
    assert not long, f"cells of more than {most} lines begin with {long}"


def test_a_notebook_holds_nothing_of_the_machine(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    assert not [cell.id for cell in notebook.cells if "execution" in cell.metadata]
    assert notebook.metadata.kernelspec.name == "python3"
    assert "version" not in notebook.metadata.language_info


@pytest.mark.parametrize("path", DEEPER, ids=lambda path: path.stem)
def test_a_deeper_notebook_has_few_imports_and_headings_of_their_own(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    imports = [line for line in code_cells(notebook)[0].source.splitlines() if re.match("(import|from) ", line)]
    assert len(imports) <= MAX_IMPORTS
    assert not [cell.id for cell in code_cells(notebook)[1:] if re.search("^(import|from) ", cell.source, re.MULTILINE)]
    first, *rest = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    assert first.startswith("# ")
    assert not [text for text in rest if re.search("^#", text, re.MULTILINE) and "\n" in text]


def test_the_links_of_a_notebook_lead_somewhere(path: Path, notebook: nbformat.NotebookNode) -> None:
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = [
        link for link in re.findall(r"\]\(([^)#\s]+)", text) if not link.startswith(("https://", "../my_exercises/"))
    ]
    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_documents_name_only_commands_and_files_that_exist(document: str) -> None:
    text = (ROOT / document).read_text()
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^ *|&& )make ([a-z]+)", text, re.MULTILINE))
    assert named
    assert named <= targets
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert link.startswith("https://") or (ROOT / link).exists(), f"{document} links to {link}"


def test_the_start_page_leads_to_every_chapter_and_nowhere_else() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", (ROOT / "chapters" / "README.md").read_text())
    assert [link for link in links if re.match(r"\d\d_", link)] == [path.name for path in CHAPTERS]
    made = "../my_exercises/"  # by `make lab`
    assert not [link for link in links if link != made and not (ROOT / "chapters" / link).exists()]
    assert "START := chapters/README.md" in (ROOT / "Makefile").read_text()


def test_students_are_told_the_name_of_the_wheel() -> None:
    wheel = f"inception_edu-{inception_edu.__version__}-py3-none-any.whl[course]"
    assert wheel in (ROOT / "chapters" / "exercises" / "README.md").read_text()


def test_the_command_lines_of_the_readme_work(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = re.findall(r"^python -m inception_edu (.+?)(?: +#.*)?$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(commands) >= 3
    monkeypatch.chdir(tmp_path)
    for command in commands:
        assert main(shlex.split(command)) == 0, command
        assert capsys.readouterr().out


def test_the_readme_takes_torch_and_torchvision_from_one_index_in_the_versions_that_were_tested() -> None:
    readme, pinned = (ROOT / "README.md").read_text(), pins("constraints.txt")
    index = "pip install --index-url https://download.pytorch.org/whl/cpu --no-deps"
    assert f"{index} torch=={pinned['torch']} torchvision=={pinned['torchvision']}\n" in readme
    for found in pins("constraints.txt"), {name: lower_end(each) for name, each in requirements("train").items()}:
        assert torchvision_for(found["torch"]).endswith(f" torchvision=={found['torchvision']}")


def test_the_table_of_the_readme_is_the_family() -> None:
    rows = [
        f"| `{e.name}` | {e.year} | {'x'.join(map(str, e.image))} | {e.params:,} | {e.macs:,} |"
        for e in inception_edu.FAMILY.values()
    ]
    readme = (ROOT / "README.md").read_text()
    assert "\n".join(rows) in readme
    v4 = inception_edu.FAMILY["inception_v4"]
    assert f"`cost inception_v4` prints {v4.params:,} parameters and {v4.macs:,} MACs" in readme


def test_the_python_of_the_readme_prints_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(code, {})
    (said,) = re.findall(r"# (\d+)$", code, re.MULTILINE)
    assert capsys.readouterr().out.startswith(f"{said}\n")


def test_the_figures_of_the_formula_sheet_are_right() -> None:
    sheet = (ROOT / "assets" / "formula_sheet.md").read_text()
    direct = arithmetic.conv_macs(256, 256, 3)
    squeezed = arithmetic.conv_macs(256, 64, 1) + arithmetic.conv_macs(64, 64, 3) + arithmetic.conv_macs(64, 256, 1)
    separable = arithmetic.conv_macs(512, 512, 3, groups=512) + arithmetic.conv_macs(512, 512, 1)
    fields = [(1, 1)]
    for kernel, stride in [(7, 2), (3, 2), (3, 1), (3, 2)]:
        fields.append(arithmetic.receptive_field(*fields[-1], kernel, stride))
    figures = [
        f"{direct:,}",
        f"{squeezed:,}",
        f"{direct / squeezed:.2f}",
        f"{2 * arithmetic.conv_macs(1, 1, 3)}/{arithmetic.conv_macs(1, 1, 5)}",
        f"{separable / arithmetic.conv_macs(512, 512, 3):.3f}",
        f"112, 3x3, stride 2, padding 0: {arithmetic.out_size(112, 3, 2, ceil_mode=True)}",
        f"rounding down: {arithmetic.out_size(112, 3, 2)}",
        ", ".join(str(field) for field, _ in fields[1:]),
    ]
    assert not [figure for figure in figures if figure not in sheet]


def test_the_glossary_is_a_page_of_terms_in_order_each_once_in_two_languages() -> None:
    page = (ROOT / "chapters" / "glossary.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("| ")
    ]
    terms = [term for term, _, _ in rows[1:]]
    assert rows[0] == ["term", "中文", "what it means"]
    assert len(terms) > 90
    assert terms == sorted(terms, key=str.lower)
    words = [word for term in terms for word in term.split(", ")]
    assert len(words) == len(set(words))
    assert not [chinese for _, chinese, _ in rows[1:] if not re.search(r"[\u4e00-\u9fff]", chinese)]
    assert not [meaning for _, _, meaning in rows[1:] if len(meaning) < 12 or meaning.endswith(".")]


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    files = project_files()
    assert ROOT / "pyproject.toml" in files
    found = []
    for path in files:
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in MACHINE_PATH.finditer(text)]
    assert not found


# ---- continuous integration -------------------------------------------------------------------


def test_the_website_is_published_by_the_command_that_makes_it() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text())
    steps = workflow["jobs"]["publish"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == ["make site TORCH_INDEX=$TORCH_INDEX"]
    assert {"path": "build/site"} in [step.get("with") for step in steps]


def test_binder_installs_the_course_as_it_was_tested() -> None:
    lines = (ROOT / ".binder" / "requirements.txt").read_text().splitlines()
    assert "-e .[course]" in lines
    assert (
        ROOT / ".binder" / lines[lines.index("-c ../constraints.txt")].split()[1]
    ).resolve() == ROOT / "constraints.txt"


def test_the_workflow_does_what_ci_run_does() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())
    steps = workflow["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    (python,) = (step["with"]["python-version"] for step in steps if "python-version" in step.get("with", {}))
    assert python in SpecifierSet(PROJECT["requires-python"])
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
