"""The network of the website computes and says in JavaScript what the package does in Python."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from inception_edu.course.canvas import GARMENTS, HEIGHT, SIDE, WIDTH, find, lay_out, network, pictures
from inception_edu.data.fashion import CLASS_NAMES, load_fashion, normalise, to_pixels
from inception_edu.explain import class_maps
from inception_edu.explorers.canvas import Canvas
from inception_edu.explorers.occluder import Occluder

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"
EXPORT = "import lab, pathlib, sys; lab.write(pathlib.Path(sys.argv[1]))"

pytestmark = pytest.mark.skipif(
    not (NODE_MODULES / "onnxruntime-web").is_dir() or not shutil.which("node"),
    reason="npm is not installed, so no network runs in a page: sudo apt install npm, then make test",
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """What the page loads."""
    folder = tmp_path_factory.mktemp("lab")
    subprocess.run([sys.executable, "-c", EXPORT, folder], cwd=ROOT / "tools" / "site", check=True)
    return folder / "lab"


@pytest.fixture(scope="module")
def asked(lab, tmp_path_factory):
    """Answers questions as the page's script does, many at a time."""

    def ask(questions):
        folder = tmp_path_factory.mktemp("asked")
        (folder / "questions.json").write_text(json.dumps(questions))
        script = ROOT / "tests" / "support" / "network.mjs"
        files = folder / "questions.json", folder / "answers.json"
        subprocess.run(["node", script, NODE_MODULES, lab, *files], check=True)
        return json.loads(files[1].read_text())

    return ask


def picture(pixels):
    """A picture (H, W) of bytes as the page has it."""
    return {"pixels": pixels.flatten().tolist(), "height": pixels.shape[0], "width": pixels.shape[1]}


def test_the_exported_network_computes_what_torch_computes(asked):
    noise = torch.randint(0, 256, (1, 1, 45, 61), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    batches = [load_fashion("test", normalised=False).images[:12], to_pixels(lay_out(GARMENTS)), noise]
    questions = [("run", {"pictures": [picture(one[0]) for one in images]}) for images in batches]
    net = network().eval()
    for images, said in zip(batches, asked(questions), strict=True):
        with torch.no_grad():
            outputs = dict(net.block_outputs(normalise(images)))
            torch.testing.assert_close(torch.tensor(said["logits"]), net(normalise(images)), rtol=1e-4, atol=1e-4)
        assert list(said["blocks"]) == [name for name in outputs if name.startswith("inception")]
        for name, block in said["blocks"].items():
            told = torch.tensor(block["data"]).reshape(block["dims"])
            torch.testing.assert_close(told, outputs[name], rtol=1e-4, atol=1e-4)
        maps = class_maps(net, normalise(images[:1]))[0]
        told = torch.tensor(said["map"]["maps"]).reshape(len(CLASS_NAMES), said["map"]["height"], said["map"]["width"])
        torch.testing.assert_close(told.float(), maps, rtol=1e-4, atol=1e-4)


def test_the_branches_are_the_channels_that_they_are_called(lab):
    facts = json.loads((lab / "facts.json").read_text())
    image = pictures().images[:1]
    for name, output in network().eval().block_outputs(image):
        block = network().get_submodule(f"features.{name}")
        if named := [each["branches"] for each in facts["blocks"] if each["name"] == name]:
            parts = output.split([branch["channels"] for branch in named[0]], dim=1)
            for part, branch, words in zip(parts, block.children(), named[0], strict=True):
                torch.testing.assert_close(part, branch(before))
                assert words["name"].count("conv") == sum(isinstance(m, torch.nn.Conv2d) for m in branch.modules())
        before = output


def test_the_canvas_finds_and_says_what_a_notebook_does(asked):
    chance = random.Random(0)
    tops = [field for field in Canvas.__dataclass_fields__ if field.endswith("_top")]
    lefts = [field for field in Canvas.__dataclass_fields__ if field.endswith("_left")]
    settings = [Canvas()]
    for _ in range(20):
        places = {field: chance.randint(0, HEIGHT - SIDE) for field in tops}
        settings.append(Canvas(**places | {field: chance.randint(0, WIDTH - SIDE) for field in lefts}))
    questions = [("canvas", {"garments": [one._asdict() for one in setting.garments]}) for setting in settings]
    counts = set()
    for setting, said in zip(settings, asked(questions), strict=True):
        canvas = lay_out(setting.garments)
        assert said["pixels"] == to_pixels(canvas).flatten().tolist()
        assert said["sentence"] == setting.sentence()
        for here, there in zip(said["found"], find(network(), canvas), strict=True):
            assert (here["name"], here["top"], here["left"]) == there[:3]
            assert here["probability"] == pytest.approx(there.probability, abs=1e-4)
        counts.add(len(said["found"]))
    assert len(counts) > 1  # overlaps hide some


def test_a_black_square_does_what_it_does_in_a_notebook(asked):
    chance = random.Random(1)
    settings = [Occluder(CLASS_NAMES[9], 11, 15, 4, "black"), Occluder(CLASS_NAMES[4])]
    for name in CLASS_NAMES:
        size = chance.randint(1, 20)
        row, column = (chance.randint(0, SIDE - size) for _ in range(2))
        settings.append(Occluder(name, row, column, size, "black"))
    plain = to_pixels(pictures().images)
    questions = [
        (
            "look",
            {
                "picture": picture(plain[setting.label, 0]),
                "square": {"top": setting.row, "left": setting.column, "size": setting.size} if setting.size else None,
                "label": setting.picture,
            },
        )
        for setting in settings
    ]
    said = asked(questions)
    for setting, answer in zip(settings, said, strict=True):
        assert answer["sentence"] == setting.sentence()
        assert answer["probabilities"] == pytest.approx(setting.chances, abs=1e-4)
        if setting.size:
            assert answer["before"] == pytest.approx(Occluder(setting.picture).chances, abs=1e-4)
    assert {setting.flipped for setting in settings} == {True, False}


def test_evidence_on_a_canvas_is_what_the_empty_one_does_not_give(asked):
    canvas = lay_out(GARMENTS)
    square = {"top": 60, "left": 30, "size": 12}
    covered = canvas.clone()
    covered[..., 60:72, 30:42] = lay_out([]).min()
    place = {"top": GARMENTS[1].top, "left": GARMENTS[1].left}
    question = {"picture": picture(to_pixels(canvas)[0, 0]), "square": square, "place": place}
    (said,) = asked([("look", question)])
    gain = (class_maps(network(), covered) - class_maps(network(), lay_out([])))[0].clamp(min=0)
    told = torch.tensor(said["map"]["maps"]).reshape(gain.shape).float()
    torch.testing.assert_close(told, gain, rtol=1e-4, atol=1e-4)
    assert [each["name"] for each in said["found"]] == [each.name for each in find(network(), covered)]
    windows = torch.stack([each[0, :, 50:78, 24:52] for each in (covered, canvas)])
    with torch.no_grad():
        now, before = network().eval()(windows).softmax(1).tolist()
    assert said["probabilities"] == pytest.approx(now, abs=1e-4)
    assert said["before"] == pytest.approx(before, abs=1e-4)
