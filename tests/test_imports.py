"""Scripts import only what the package has, also in code that they run as text; rooms import one way."""

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path for folder in ("experiments", "benchmarks", "tools") for path in (ROOT / folder).glob("*.py"))


def trees(code: str) -> Iterator[ast.AST]:
    """The syntax tree of `code`, and of each text in it that is code which imports from the package."""
    tree = ast.parse(code)
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\nfrom inception_edu" in node.value:
            try:
                yield ast.parse(node.value)
            except SyntaxError:
                continue


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_imports_only_what_the_package_has(script: Path) -> None:
    for tree in trees(script.read_text()):
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("inception_edu"):
                if ".grading" in node.module:
                    pytest.importorskip("nbgrader")
                home = import_module(str(node.module))
                for name in node.names:
                    assert hasattr(home, name.name) or find_spec(f"{node.module}.{name.name}"), ast.unparse(node)


ROOMS = ("data", "show", "train", "course", "explorers")
"""In the order in which they may import: each room only itself and those before it."""


@pytest.mark.parametrize("room", ROOMS)
def test_imports_between_rooms_go_one_way(room: str) -> None:
    later = (*ROOMS[ROOMS.index(room) + 1 :], "classroom", "cli")
    for path in (ROOT / "inception_edu" / room).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 2:
                names = [node.module] if node.module else [name.name for name in node.names]
                wrong = [name for name in names if name.split(".")[0] in later]
                assert not wrong, f"{path.name} imports {wrong[0]}"


@pytest.mark.parametrize(
    ("folders", "never"),
    [(("tests",), ("benchmarks", "experiments")), (("experiments", "benchmarks", "tools"), ("tests",))],
)
def test_no_test_imports_a_script_and_no_script_a_test(folders: tuple[str, ...], never: tuple[str, ...]) -> None:
    """What both need is in `tools`."""
    for path in [path for folder in folders for path in (ROOT / folder).rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.split(".")[0] in never], f"{path.name} imports {names}"


CORE = ("arithmetic", "bricks", "layers", "reading", "tracing", "shorthand", "network")
"""The core in the order in which it may import; `tracing` loads `reading` when a foreign module is met."""


@pytest.mark.parametrize("module", CORE)
def test_the_core_has_no_circle(module: str) -> None:
    later = CORE[CORE.index(module) + 1 :]
    for node in ast.walk(ast.parse((ROOT / "inception_edu" / f"{module}.py").read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            assert node.module not in later, f"{module} imports {node.module}"
