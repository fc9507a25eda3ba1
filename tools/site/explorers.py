"""Writes what the explorers of the website need: their first view, a table of first moves, and the Python that answers.

`course.zip` holds the modules that they import, the stand-in for torch and the recorded results; nothing in it is
written for the web alone but the stand-ins.
"""

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from html import escape
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inception_edu import explorers
from inception_edu.explorers.settings import RUN_FIRST, answer, still

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
STANDIN = HERE / "standin"
COMPUTING = ("branch_silence", "canvas", "occluder")
"""Explorers that run a trained network, so that the page shows their still."""
NAMES = [
    name.removesuffix("_explorer") for name in explorers.__all__ if name.removesuffix("_explorer") not in COMPUTING
]
PLACES = 24
"""How many places of each slider are computed when the site is made."""


@cache
def panel(name: str) -> Any:
    """The explorer, as a notebook has it."""
    return getattr(import_module(f"inception_edu.explorers.{name}"), f"{name}_explorer")()


SERVED = (
    "These sliders move where JavaScript is on and the page comes from a web server. From a folder on this computer, "
    "start one with <code>python3 -m http.server</code>, then open <code>http://localhost:8000</code>."
)
COMPUTED = "This one runs a trained network, so it moves in JupyterLab: download the notebook and open it there."
IN_LAB = (
    "This one runs a trained network, so it moves in JupyterLab. In your browser, "
    '<a href="{up}lab.html">the network in this page</a> does the same, on garments that you arrange, choose or draw.'
)
LAB = ("canvas", "occluder")
"""Explorers whose network the page `lab` runs."""


def saying(words: str, html: str) -> str:
    """A still view with these words in place of those of a notebook."""
    return html.replace(RUN_FIRST, f'<p class="ie-why"><em>{words}</em></p>')


def frame(name: str, html: str, up: str = "") -> str:
    """A still view in the frame that the page's script looks for; what it says is true where no script runs.

    `up` is the way from the page to the start page.
    """
    moves = name in NAMES
    words = SERVED if moves else IN_LAB.format(up=up) if name in LAB else COMPUTED
    kind = "live" if moves else "shown"
    # A still may be wider than its frame, and is then scrolled by keys; the script takes this back with the sliders.
    keys = ' tabindex="0" role="group" aria-label="Explorer"' if moves else ""
    return f'<div class="ie-{kind}" data-explorer="{escape(name)}"{keys}>{saying(words, html)}</div>'


def shown(name: str) -> str:
    """The frame of an explorer as it starts."""
    return frame(name, still(panel(name).html))


def places(control: dict[str, Any]) -> list[Any]:
    """Settings of one control spread over its range, or all of its choices."""
    if "choices" in control:
        return list(control["choices"])
    low, high, step = control["low"], control["high"], control["step"]
    count = round((high - low) / step)
    if count <= PLACES:
        at = range(count + 1)
    elif low >= 1:  # equal factors apart, as widths of networks are
        at = {round((low * (high / low) ** (i / PLACES) - low) / step) for i in range(PLACES + 1)}
    else:
        at = range(0, count + 1, count // PLACES)
    return [type(step)(low + i * step) for i in at]


def tabulated(made: Any) -> dict[str, Any]:
    """The presets, and each control moved alone from the first of them, with the answers."""
    first = made.presets[0]["values"]
    moves = {
        control["name"]: [
            {"at": at, "answer": answer(made._kind, {**first, control["name"]: at}, {})}
            for at in sorted({*places(control), first[control["name"]]}, key=lambda n: (isinstance(n, str), n))
        ]
        for control in made.controls
    }
    presets = [{"at": each["values"], "answer": answer(made._kind, each["values"], {})} for each in made.presets]
    return {"presets": presets, "moves": moves}


def modules() -> Iterator[Path]:
    """The files of the package that those explorers import where torch is the stand-in."""
    code = (
        "import sys; from importlib import import_module\n"
        f"for name in {NAMES!r}: getattr(import_module(f'inception_edu.explorers.{{name}}'), f'{{name}}_explorer')\n"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.split('.')[0] in ('inception_edu', 'lazy_loader')))"
    )
    command = f"import sys; sys.path[:0] = [{str(STANDIN)!r}, {str(ROOT)!r}]\n{code}"
    run = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)
    yield from map(Path, run.stdout.split())


def course(path: Path) -> None:
    """Writes the archive that a page unpacks."""
    library = Path(str(find_spec("lazy_loader").origin)).parents[1]  # type: ignore[union-attr]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in modules():
            home = ROOT if file.is_relative_to(ROOT / "inception_edu") else library
            archive.write(file, file.relative_to(home))
            if (stub := file.with_suffix(".pyi")).exists():
                archive.write(stub, stub.relative_to(home))
        for file in STANDIN.glob("**/*.py"):
            at = "inception_edu/explorers/panel.py" if file.name == "panel.py" else file.relative_to(STANDIN)
            archive.write(file, at)
        for file in (ROOT / "assets" / "records").glob("*.json"):
            archive.write(file, file.relative_to(ROOT))


def write(folder: Path) -> None:
    """Writes `course.zip`, and for each explorer NAME.json and NAME.table, into a folder."""
    (folder / "explorers").mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        made = panel(name)
        state = {key: getattr(made, key) for key in ("title", "controls", "presets", "values", "html", "sentence")}
        (folder / "explorers" / f"{name}.json").write_text(json.dumps(state), encoding="utf-8")
        table = gzip.compress(json.dumps(tabulated(made)).encode(), mtime=0)
        (folder / "explorers" / f"{name}.table").write_bytes(table)
    course(folder / "course.zip")
