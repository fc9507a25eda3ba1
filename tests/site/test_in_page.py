"""On a web page explorers are answered by the same Python, without torch: text for text what a notebook shows."""

import inspect
import json
import os
import random
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from torch import nn

import inception_edu as ie
from inception_edu.explorers.settings import answer

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"
STANDIN = ROOT / "tools" / "site" / "standin"
COUNT = int(os.environ.get("SETTINGS", "150"))  # of each explorer; SETTINGS=2000 takes minutes
STILLS = {"branch_silence", "canvas", "occluder"}  # they run trained networks

needs_npm = pytest.mark.skipif(
    not (NODE_MODULES / "pyodide").is_dir() or not shutil.which("node"),
    reason="npm is not installed, so there is no Python for pages: sudo apt install npm, then make test",
)


@pytest.fixture(scope="module")
def static(tmp_path_factory):
    """What `make site` puts beside the pages."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, ROOT / "tools/site/stage.py", folder, NODE_MODULES], check=True)
    return folder / "static"


def panel(name):
    return getattr(import_module(f"inception_edu.explorers.{name}"), f"{name}_explorer")()


def in_page(static, folder, asked):
    """What the page's own Python answers to each (explorer, values, pinned)."""
    questions, answers = folder / "questions.json", folder / "answers.json"
    questions.write_text(json.dumps(asked))
    script = ROOT / "tests" / "support" / "in_page.mjs"
    subprocess.run(["node", script, NODE_MODULES, static / "course.zip", questions, answers], check=True)
    return json.loads(answers.read_text())


def anywhere(control, chance):
    """A value that the control may have, now and then one that it may not."""
    if "choices" in control:
        return chance.choice(control["choices"])
    low, high, step = control["low"], control["high"], control["step"]
    count = round((high - low) / step)
    if chance.random() < 0.5:  # small numbers are more often possible together
        count = min(count, 60)
    value = low + step * chance.randint(0, count)
    if chance.random() < 0.02:
        return chance.choice([low - 1, high + 1, 0, 1.5])
    return value if isinstance(step, int) else round(value, 6)


@needs_npm
def test_pages_and_notebooks_show_the_same_for_any_setting(static, tmp_path):
    chance = random.Random(0)
    names = sorted(path.stem for path in (static / "explorers").glob("*.json"))
    every = {name.removesuffix("_explorer") for name in dir(import_module("inception_edu.explorers"))}
    assert set(names) == every - STILLS
    asked, expected = [], []
    for name in names:
        made = panel(name)
        settings = [dict(preset["values"]) for preset in made.presets]
        settings += [
            {
                **chance.choice(settings),
                **{c["name"]: anywhere(c, chance) for c in made.controls if chance.random() < 0.5},
            }
            for _ in range(COUNT)
        ]
        for values in settings:
            if values.get("latency") == "revealed":
                continue  # measured by running the network
            pinned = chance.choice([{}, settings[0]])
            asked.append((name, values, pinned))
            expected.append(answer(made._kind, values, pinned))
    for question, here, page in zip(asked, expected, in_page(static, tmp_path, asked), strict=True):
        assert page == here, question


@needs_npm
def test_what_a_page_cannot_compute_is_said(static, tmp_path):
    made = panel("designer")
    values = {**made.values, "prediction": 1.0, "latency": "revealed"}
    (said,) = in_page(static, tmp_path, [("designer", values, {})])
    assert "open the notebook in JupyterLab" in said["sentence"]
    assert said["sentence"] in said["html"]


@needs_npm
def test_the_first_moves_are_those_that_python_would_show(static):
    import gzip

    for path in sorted((static / "explorers").glob("*.table")):
        made = panel(path.stem)
        table = json.loads(gzip.decompress(path.read_bytes()))
        first = made.presets[0]["values"]
        assert {name: len(places) > 1 for name, places in table["moves"].items()} == dict.fromkeys(first, True)
        for name, places in table["moves"].items():
            assert first[name] in [place["at"] for place in places]
            for place in places[:: max(1, len(places) // 3)]:
                assert place["answer"] == answer(made._kind, {**first, name: place["at"]}, {})


STANDIN_CLASSES = (
    *("Conv2d", "Linear", "BatchNorm2d", "MaxPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "LocalResponseNorm"),
    *("Flatten", "Dropout", "ReLU"),
)


def standin(code):
    """What a program prints where the stand-in takes torch's place."""
    path = f"import sys; sys.path[:0] = [{str(STANDIN)!r}, {str(ROOT)!r}]\n"
    return subprocess.run([sys.executable, "-c", path + code], check=True, capture_output=True, text=True).stdout


def test_the_stand_in_takes_the_arguments_that_torch_takes():
    code = f"""
import inspect
from torch import nn
for name in {STANDIN_CLASSES!r}:
    print(name, ", ".join(str(p) for p in inspect.signature(getattr(nn, name)).parameters.values()))
"""
    theirs = []
    for name in STANDIN_CLASSES:
        parameters = inspect.signature(getattr(nn, name)).parameters.values()
        theirs.append(f"{name} {', '.join(str(p.replace(annotation=p.empty)) for p in parameters)}")
    assert standin(code).splitlines() == theirs


def test_the_stand_in_counts_the_whole_family():
    code = """
import inception_edu as ie, torch
assert "standin" in torch.__file__
for name, entry in ie.FAMILY.items():
    node = ie.trace(ie.build(name), entry.image)
    print(name, node.params, node.macs, ie.diagram(node.children[len(node.children) // 2]))
"""
    said = ""
    for name, entry in ie.FAMILY.items():
        node = ie.trace(ie.build(name), entry.image)
        said += f"{name} {node.params} {node.macs} {ie.diagram(node.children[len(node.children) // 2])}\n"
    assert standin(code) == said
