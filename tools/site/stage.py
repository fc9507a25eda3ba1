"""Lays out the sources of the website: the committed notebooks as they were run, and pages made from the package.

    python tools/site/stage.py FOLDER NODE_MODULES

FOLDER/pages mirrors the repository, so that links between notebooks work unchanged. Nothing is executed. Explorers
become their still view in a frame with their name, which `static/explorers.js` brings to life.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import explorers
import gallery
import lab

from inception_edu.classroom.handout import without_solutions
from inception_edu.explorers.settings import still

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
WIDGET = "application/vnd.jupyter.widget-view+json"
EXPLORER = re.compile(r"\b(\w+)_explorer\(\)\s*$")
SHOWN = re.compile(r"\{\{ (\w+) explorer \}\}")
CHAPTER = re.compile(r"^\| (\d\d) \| \[(.+?)\]\((\w+)\.ipynb\) \| (.+?) \|$", re.MULTILINE)
CELL_LINK = re.compile(r"(?<=\.)ipynb#cell-id=[\w-]+")

FROM_NPM = {
    "mathjax": ["es5/tex-svg.js"],
    "onnxruntime-web": [
        "dist/ort.wasm.min.mjs",
        "dist/ort-wasm-simd-threaded.mjs",
        "dist/ort-wasm-simd-threaded.wasm",
    ],
    "pyodide": ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"],
}
LINK = re.compile(r"\]\(([^():#\s]+)[#)]")
PAGES = (
    "CHANGELOG.md",
    "assets/formula_sheet.md",
    "chapters/glossary.md",
    "chapters/exercises/README.md",
    "chapters/exercises/TEACHING.md",
)


def explorer_of(cell: dict[str, Any]) -> str:
    """The name of the explorer that a cell shows, or nothing."""
    found = EXPLORER.search("".join(cell["source"]))
    return found[1] if found else ""


def laboratory() -> str:
    """The place of `static/lab.js`, with the canvas as a notebook shows it where no script runs."""
    body = explorers.saying(explorers.SERVED, still(explorers.panel("canvas").html))
    return f'<div class="ie-lab">{body}</div>\n<script type="module" src="_static/lab.js"></script>\n'


def outputs(cell: dict[str, Any], up: str) -> Iterator[dict[str, Any]]:
    """The outputs of a cell as a page shows them: explorers as stills, progress bars not at all."""
    for output in cell["outputs"]:
        data = output.get("data", {})
        if WIDGET not in data:
            # A link to a cell of a notebook leads to the notebook's page, where cells have no names.
            shown = {kind: CELL_LINK.sub("html", "".join(text)) for kind, text in data.items() if kind == "text/html"}
            yield {**output, "data": {**data, **shown}} if shown else output
        elif name := explorer_of(cell):
            html = explorers.frame(name, "".join(data["text/html"]), up)
            yield {**output, "data": {"text/html": html.splitlines(keepends=True)}}


def page(notebook: dict[str, Any], up: str) -> dict[str, Any]:
    """A notebook without what only a kernel can use."""
    cells = [{**cell, "outputs": list(outputs(cell, up))} if "outputs" in cell else cell for cell in notebook["cells"]]
    metadata = {name: value for name, value in notebook["metadata"].items() if name != "widgets"}
    return {**notebook, "cells": cells, "metadata": metadata}


def every_explorer() -> str:
    """A page with all explorers, each under the chapter that asks something of it."""
    parts = ["# The explorers", "Each has a task in its notebook, which says what to look for."]
    for place, notebook in notebooks():
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code" and (name := explorer_of(cell)):
                made = explorers.panel(name)
                parts += [f"## {made.title}", f"From [{_title(notebook)}]({place}).", explorers.shown(name)]
    return "\n\n".join(parts) + "\n"


def _title(notebook: dict[str, Any]) -> str:
    return "".join(notebook["cells"][0]["source"]).splitlines()[0].lstrip("# ")


def write(path: Path, text: str) -> None:
    """Writes a file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def notebooks() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every notebook of the site with its place in it: chapters, side roads, and exercises without solutions."""
    for path in sorted((ROOT / "chapters").glob("**/*.ipynb")):
        place = path.relative_to(ROOT)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        if place.parts[1] == "exercises":
            yield f"my_exercises/{place.parts[2]}.ipynb", without_solutions(notebook)
        elif ".ipynb_checkpoints" not in place.parts:
            yield place.as_posix(), page(notebook, "../" * (len(place.parts) - 1))


def chapter_cards() -> str:
    """A card for each chapter, with what the reader builds in it, from the start page of the notebooks."""
    rows = CHAPTER.findall((ROOT / "chapters" / "README.md").read_text(encoding="utf-8"))
    cards = [
        f'<li><a href="chapters/{file}.html"><b>{number} · {title}</b> <span>{builds}</span></a></li>'
        for number, title, file, builds in rows
    ]
    return f'<ul class="landing">{"".join(cards)}</ul>\n'


def copy_linked(folder: Path, place: str, texts: Iterable[str]) -> None:
    """Copies the files that a page links to and that are no pages: pictures, and source to download."""
    for target in {link for text in texts for link in LINK.findall(text)}:
        there = (folder / place).parent / target
        origin = (ROOT / place).parent / target
        if not there.exists() and origin.is_file() and origin.suffix not in (".md", ".ipynb"):
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, there)


def stage(folder: Path) -> None:
    """Fills an empty folder with all sources of the site."""
    for place, notebook in notebooks():
        write(folder / place, json.dumps(notebook, ensure_ascii=False))
        copy_linked(folder, place, ("".join(cell["source"]) for cell in notebook["cells"]))
    for place in PAGES:
        text = (ROOT / place).read_text(encoding="utf-8")
        write(folder / place, text)
        copy_linked(folder, place, [text])
    for place, text in (*gallery.networks(), *gallery.reference(), ("explorers.md", every_explorer())):
        write(folder / place, text)
    for path in HERE.glob("pages/*.md"):
        text = path.read_text(encoding="utf-8")
        text = SHOWN.sub(lambda found: explorers.shown(found[1]), text)
        write(folder / path.name, text.replace("CHAPTERS\n", chapter_cards()).replace("LAB\n", laboratory()))


def assets(folder: Path, packages: Path) -> None:
    """Writes what pages load: the explorers, the network, the package's own panel, and what npm installed."""
    shutil.copytree(HERE / "static", folder)
    explorers.write(folder)
    lab.write(folder)
    for name in ("panel.js", "panel.css"):
        shutil.copyfile(ROOT / "inception_edu" / "explorers" / name, folder / name)
    for package, files in FROM_NPM.items():
        for file in files:
            target = folder / package / Path(file).name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(packages / package / file, target)


if __name__ == "__main__":
    target, node_modules = map(Path, sys.argv[1:])
    shutil.rmtree(target, ignore_errors=True)
    stage(target / "pages")
    shutil.copyfile(HERE / "conf.py", target / "pages" / "conf.py")
    assets(target / "static", node_modules)
