"""The network of the website computes and says in JavaScript what the package does in Python."""

import json
import random
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
import torch

from inception_edu.course.canvas import GARMENTS, HEIGHT, SIDE, SURE, WIDTH, find, lay_out, network, pictures
from inception_edu.data.fashion import CLASS_NAMES, load_fashion, normalise, to_pixels
from inception_edu.explain import class_maps
from inception_edu.explorers.canvas import Canvas
from inception_edu.explorers.occluder import Occluder
from tools.jupyterlab import CHROMIUM, new_page

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "build" / "npm" / "node_modules"
SITE = """
import sys
from pathlib import Path
import explorers
import stage
site, packages = map(Path, sys.argv[1:])
stage.assets(site / "_static", packages)
frame = explorers.frame("occluder", explorers.still("a boot"), "../")
styles = "".join(f"<link rel=stylesheet href=_static/{name}.css>" for name in ("panel", "site"))
head = f"<!doctype html><html lang=en><title>A page</title><link rel=icon href=data:,>{styles}"
(site / "lab.html").write_text(head + stage.laboratory() + frame)
"""

pytestmark = pytest.mark.skipif(
    not (NODE_MODULES / "onnxruntime-web").is_dir() or not shutil.which("node"),
    reason="npm is not installed, so no network runs in a page: sudo apt install npm, then make test",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page without its theme, and what it loads."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-c", SITE, folder, NODE_MODULES], cwd=ROOT / "tools" / "site", check=True)
    return folder


@pytest.fixture(scope="module")
def lab(site):
    """What the package gave to it."""
    return site / "_static" / "lab"


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
            torch.testing.assert_close(torch.tensor(said["logits"]), net(normalise(images)), rtol=0, atol=1e-4)
        assert list(said["blocks"]) == [name for name in outputs if name.startswith("inception")]
        for name, block in said["blocks"].items():
            told = torch.tensor(block["data"]).reshape(block["dims"])
            torch.testing.assert_close(told, outputs[name], rtol=0, atol=1e-4)
        maps = class_maps(net, normalise(images[:1]))[0]
        told = torch.tensor(said["map"]["maps"]).reshape(len(CLASS_NAMES), said["map"]["height"], said["map"]["width"])
        torch.testing.assert_close(told.float(), maps, rtol=0, atol=1e-4)


def test_the_branches_are_the_channels_that_they_are_called(lab):
    told = {each["name"]: each["branches"] for each in json.loads((lab / "facts.json").read_text())["blocks"]}
    assert len(told) == 3
    for (_, before), (name, after) in pairwise(network().eval().block_outputs(pictures().images[:1])):
        if name in told:
            parts = after.split([branch["channels"] for branch in told[name]], dim=1)
            branches = network().get_submodule(f"features.{name}").children()
            for part, branch, words in zip(parts, branches, told[name], strict=True):
                torch.testing.assert_close(part, branch(before))
                kernels = [
                    f"{m.kernel_size[0]}x{m.kernel_size[0]} conv"
                    for m in branch.modules()
                    if isinstance(m, torch.nn.Conv2d)
                ]
                assert words["name"].removeprefix("3x3 max pool, ") == ", ".join(kernels)


def test_the_page_tells_the_numbers_of_the_package():
    text = (ROOT / "tools" / "site" / "pages" / "lab.md").read_text(encoding="utf-8")
    assert f"{sum(weights.numel() for weights in network().parameters()):,} weights" in text
    assert f"answers below {SURE:.0%} do not count" in text


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
    window = {"top": GARMENTS[1].top, "left": GARMENTS[1].left}
    question = {"picture": picture(to_pixels(canvas)[0, 0]), "square": square, "window": window}
    (said,) = asked([("look", question)])
    gain = (class_maps(network(), covered) - class_maps(network(), lay_out([])))[0].clamp(min=0)
    told = torch.tensor(said["map"]["maps"]).reshape(gain.shape).float()
    torch.testing.assert_close(told, gain, rtol=0, atol=1e-4)
    assert [each["name"] for each in said["found"]] == [each.name for each in find(network(), covered)]
    windows = torch.stack([each[0, :, 50:78, 24:52] for each in (covered, canvas)])
    with torch.no_grad():
        now, before = network().eval()(windows).softmax(1).tolist()
    assert said["probabilities"] == pytest.approx(now, abs=1e-4)
    assert said["before"] == pytest.approx(before, abs=1e-4)


class Quiet(SimpleHTTPRequestHandler):
    """As `python3 -m http.server`, without its log."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: on Debian, apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield new_page(playwright).context.browser


@pytest.fixture
def page(site, browser):
    """The page from a server, once the network has answered; no error may be left in the console."""
    troubles = []
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.set_default_timeout(120_000)
        page.on("console", lambda said: said.type in ("error", "warning") and troubles.append(said.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("request", lambda asked: asked.url.startswith((home, "data:")) or troubles.append(asked.url))
        page.goto(f"{home}lab.html")
        page.wait_for_selector("form[data-answers]")
        yield page
        page.close()
        server.shutdown()
    assert not troubles


def heard(page, words):
    """Waits until a screen reader has been told these words, which must be on the page as well."""
    page.wait_for_function(f"document.querySelector('[role=status]').textContent.includes({json.dumps(words)})")
    assert words in page.inner_text(".ie-said")


def drawn(page):
    """What is on the picture in the page, its pixels from 0 to 255."""
    code = """shown => {
        const copy = new OffscreenCanvas(shown.width, shown.height).getContext("2d", { willReadFrequently: true });
        copy.drawImage(shown, 0, 0);
        const { data } = copy.getImageData(0, 0, shown.width, shown.height);
        return Array.from(data.filter((_, i) => i % 4 === 0));
    }"""
    return page.eval_on_selector(".ie-stage canvas", code)


def test_garments_are_dragged_and_moved_by_keys(page):
    heard(page, Canvas().sentence())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    place = page.locator(".ie-stage").bounding_box()
    unit = place["width"] / WIDTH
    page.mouse.move(place["x"] + 70 * unit, place["y"] + 20 * unit)  # the sneaker
    page.mouse.down()
    page.mouse.move(place["x"] + 80 * unit, place["y"] + 60 * unit, steps=5)
    page.mouse.up()
    moved = Canvas(sneaker_top=46, sneaker_left=66)
    assert page.input_value("[name=hand]") == "sneaker"
    heard(page, moved.sentence())
    assert page.input_value("[name=arrangement]") == "your own"
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("ArrowLeft")
    moved = Canvas(sneaker_top=51, sneaker_left=65)
    heard(page, moved.sentence())
    assert drawn(page) == to_pixels(lay_out(moved.garments)).flatten().tolist()
    page.select_option("[name=arrangement]", "in a row")
    page.select_option("[name=hand]", "bag")
    page.fill("input[type=number][name=top]", "99")  # as low as it goes
    row = {f"{name}_top": 28 for name in ("t_shirt", "trouser", "sneaker", "ankle_boot")}
    left = {"t_shirt_left": 0, "trouser_left": 28, "sneaker_left": 56, "bag_left": 84, "ankle_boot_left": 112}
    heard(page, Canvas(**row, **left, bag_top=56).sentence())


def test_a_finger_drags_and_does_not_scroll(page, browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.set_default_timeout(120_000)
    phone.goto(page.url)
    phone.wait_for_selector("form[data-answers]")
    place = phone.locator(".ie-stage").bounding_box()
    unit = place["width"] / WIDTH
    touch = context.new_cdp_session(phone)
    for rows in range(0, 44, 4):
        point = {"x": place["x"] + 70 * unit, "y": place["y"] + (20 + rows) * unit}  # from the middle of the sneaker
        kind = "touchMove" if rows else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    phone.wait_for_function("document.querySelector('[name=top]').value === '46'")
    heard(phone, Canvas(sneaker_top=46).sentence())
    context.close()


def test_a_square_is_laid_on_a_picture_and_its_map_is_drawn(page):
    page.check("[value=picture]")
    page.select_option("[name=picture]", "ankle boot")
    page.check("[name=covers]")
    page.fill("input[type=number][name=size]", "4")
    page.fill("input[type=number][name=top]", "11")
    page.fill("input[type=number][name=left]", "16")
    page.focus(".ie-stage")
    page.keyboard.press("ArrowLeft")
    boot = Occluder("ankle boot", 11, 15, 4, "black")
    heard(page, boot.sentence())
    shares = page.locator("tr", has_text="ankle boot").locator("td").all_inner_texts()[1:]
    change = 100 * (boot.chances[9] - Occluder("ankle boot").chances[9])
    assert shares == [f"{boot.chances[9]:.1%}", f"{change:.1f}".replace("-", "\N{MINUS SIGN}")]
    assert page.locator("tr", has_text="trouser").locator("td").all_inner_texts()[1:] == ["0.0%", "0.0"]
    assert page.locator(".ie-stage circle").count() == 0
    page.select_option("[name=map]", "its answer")
    maps = class_maps(network(), boot.image[None])[0]
    mean = maps.mean((1, 2))[5].item()
    heard(
        page,
        f"The map of sandal is highest, {maps[5].max():.1f}, at row 2 of 3, column 2 of 3; its mean is {mean:.1f}.",
    )
    assert page.locator(".ie-stage circle").count() == 9
    with torch.no_grad():
        outputs = dict(network().eval().block_outputs(boot.image[None]))
    first = outputs["inception_3a"][0, :16]
    silent = int((first.amax((1, 2)) == 0).sum())
    assert page.inner_text(".ie-blocks p") == f"1x1 conv: 16 channels, {silent} silent, largest value {first.max():.1f}"
    assert page.locator(".ie-blocks h3").all_inner_texts() == [
        f"{name}: {maps.shape[1]} maps of {maps.shape[2]}x{maps.shape[3]}"
        for name, maps in outputs.items()
        if name.startswith("inception")
    ]


def test_a_picture_is_drawn_by_pointer_and_by_keys(page):
    page.check("[value=drawing]")
    heard(page, "Your drawing, nothing covered: the network says")
    assert max(drawn(page)) == 0
    page.focus(".ie-stage")
    page.keyboard.press("Space")
    assert drawn(page)[SIDE * 14 + 14] == 255
    place = page.locator(".ie-stage").bounding_box()
    page.mouse.move(place["x"] + 30, place["y"] + 100)
    page.mouse.down()
    page.mouse.move(place["x"] + 250, place["y"] + 100)
    page.mouse.up()
    pixels = torch.tensor(drawn(page), dtype=torch.uint8).reshape(1, 1, SIDE, SIDE)
    assert (pixels == 255).sum() > 40
    with torch.no_grad():
        chances = network().eval()(normalise(pixels)).softmax(1)[0]
    heard(page, f"the network says {CLASS_NAMES[int(chances.argmax())]} ({chances.max():.0%}).")
    page.click("[name=clear]")
    assert max(drawn(page)) == 0


def test_no_rule_of_wcag_is_broken_in_light_or_dark(page):
    page.check("[name=covers]")
    page.select_option("[name=map]", "its answer")
    heard(page, "The map of")
    page.add_script_tag(path=NODE_MODULES / "axe-core" / "axe.min.js")
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        broken = page.evaluate("rules => axe.run('form', {runOnly: rules}).then(said => said.violations)", rules)
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in broken] == []


def test_from_the_disk_the_page_says_why_it_does_not_move(site, browser):
    page = browser.new_page()
    page.goto((site / "lab.html").as_uri())
    assert "python3 -m http.server" in page.inner_text(".ie-lab")
    assert page.locator(".ie-lab img").count() > 0
    assert page.locator("a", has_text="the network in this page").get_attribute("href") == "../lab.html"
    page.close()
