"""Every exercise as students and teachers get it: solutions, stubs, wrong answers and mutations, marked in process."""

import ast
import inspect
import json
import re
import runpy
from importlib import import_module

import pytest

from inception_edu.classroom.checking.marking import tasks
from inception_edu.classroom.keys import Designs
from inception_edu.classroom.sealing import expectations
from tests.support import exercises
from tests.support.exercises import FOLDERS, ROOT

MODELS = ROOT / "inception_edu" / "models"
CHAPTERS = sorted(path.stem for path in (ROOT / "chapters").glob("*.ipynb"))
EVERY = [(folder, name) for folder in FOLDERS for name in exercises.exercises(folder)]

each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
each_exercise = pytest.mark.parametrize(("folder", "name"), EVERY, ids=lambda part: getattr(part, "name", part))


def test_every_chapter_has_exercises() -> None:
    assert [folder.name for folder in FOLDERS] == [name for name in CHAPTERS if name != "13_your_network"]


@each_folder
def test_what_ships_is_what_the_solutions_give(folder) -> None:
    shown, hidden = expectations(folder)
    number = folder.name[:2]
    assert json.loads((ROOT / "assets" / "exercises" / f"{number}.json").read_text()) == json.loads(json.dumps(shown))
    assert json.loads((folder / "hidden.json").read_text()) == json.loads(json.dumps(hidden))


@each_folder
def test_a_set_is_as_readers_know_it(folder) -> None:
    cells = exercises.notebook(folder)
    essays = [name for name, cell in cells.items() if cell["cell_type"] == "markdown" and _about(cell)["grade"]]
    names = [*tasks(folder.name[:2]), *essays]
    assert 5 <= len(names) <= 8
    assert len(essays) == 1
    assert cells["title"]["source"].count("(core)") == 2
    for number, name in enumerate((n for n in cells if n in names), 1):
        text = cells[f"{name}-md"]["source"]
        points = _about(cells[name if name in essays else f"{name}-check"])["points"]
        assert text.startswith(f"## {number} · ")
        assert re.search(rf"^\*.+ · (easy|medium|hard) · \d+ minutes · {points:g} points?\b.*\*", text, re.M), name
        assert "**Done when**" in text
        assert re.search(rf"^\| {number} \| `{name}`.*\| {points:g} \|$", cells["title"]["source"], re.M), name
        if name in essays:
            assert "| points | for |" in text
            rubric = [int(found) for found in re.findall(r"^\| (\d+) \| ", text, re.M)]
            assert sum(rubric) == points
        else:
            assert points == tasks(folder.name[:2])[name]["points"]
            assert [f"<summary>Hint {n}" in text for n in (1, 2, 3)] == [True] * 3
            assert "Common mistakes" in cells[f"{name}-mistakes"]["source"]
            assert "# " in exercises.SOLUTION.search(cells[name]["source"])[0].split("\n", 1)[1], (
                f"{name}: the reasoning is missing"
            )


def _blocks() -> set[str]:
    """The names of the package's functions that make whole blocks or networks."""
    homes = [import_module(f"inception_edu.models.{path.stem}") for path in MODELS.glob("[a-z]*.py")]
    made = {
        name
        for home in homes
        for name, each in vars(home).items()
        if inspect.isfunction(each) and each.__module__ == home.__name__
    }
    return {"build", *made}


@each_exercise
def test_nothing_that_is_marked_box_by_box_is_built_by_the_package(folder, name) -> None:
    """So no boxes that the package supplied earn points, for whatever else is missing."""
    if tasks(folder.name[:2])[name]["kind"] != "builds":
        return
    tree = ast.parse(exercises.solution(folder, name))
    called = {
        getattr(node.func, "attr", getattr(node.func, "id", ""))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    }
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    assert not (called - own) & _blocks()


@each_folder
def test_its_chapter_leads_to_it(folder) -> None:
    chapter = json.loads((ROOT / "chapters" / f"{folder.name}.ipynb").read_text(encoding="utf-8"))
    assert f"(../my_exercises/{folder.name}.ipynb)" in "".join("".join(cell["source"]) for cell in chapter["cells"])


@each_folder
def test_a_set_says_how_long_it_takes(folder) -> None:
    title = exercises.notebook(folder)["title"]["source"]
    minutes = re.findall(r"^\| \d+ \| `.*\| (\d+) \| \d+ \|$", title, re.M)
    assert abs(int(re.search(r"about (\d+) minutes", title)[1]) - sum(map(int, minutes))) <= 2


@each_folder
def test_a_source_keeps_no_outputs_and_locks_what_is_not_an_answer(folder) -> None:
    for name, cell in exercises.notebook(folder).items():
        assert _about(cell)["locked"] != _about(cell)["solution"], name
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []
            assert cell["execution_count"] is None


@each_folder
def test_no_code_that_a_student_reads_is_longer_than_a_screen(folder) -> None:
    for name, cell in exercises.notebook(folder).items():
        if cell["cell_type"] == "code":
            lines = len(exercises.stub(cell["source"]).splitlines())
            assert lines <= 25, f"{name}: {lines} lines; give what the exercise needs in a cell of its own"


@each_folder
def test_a_set_asks_for_different_kinds_of_work(folder) -> None:
    key = runpy.run_path(str(folder / "key.py"))["KEY"]
    assert len({task.kind for task in key.values()}) >= 2
    text = exercises.notebook(folder)["title"]["source"].lower()
    assert "find the bug" in text
    for name, task in key.items():
        if not isinstance(task, Designs) and task.kind != "answer":
            assert task.hidden, f"{name}: what is shown alone could be written in"


@each_exercise
def test_the_solution_gets_every_point(folder, name) -> None:
    result = exercises.graded(folder, name, exercises.solution(folder, name))
    assert result == result.full, str(result)
    assert all(line.good for line in result.lines), str(result)


OWN = {
    ("00", "four_faults"): """
from copy import deepcopy


def train(net, images, labels, valid, epochs, rate, batch_size):
    history, optimizer = [], torch.optim.SGD(net.parameters(), rate, momentum=0.9)
    for _ in range(epochs):
        for batch in torch.randperm(len(images)).split(batch_size):
            optimizer.zero_grad()
            F.cross_entropy(net.train()(images[batch]), labels[batch]).backward()
            optimizer.step()
        with torch.no_grad():
            right = torch.cat([net.eval()(x) for x in valid[0].split(batch_size)]).argmax(1) == valid[1]
        history.append(right.float().mean().item())  # in single precision
        if history[-1] == max(history):
            best = deepcopy(net.state_dict())
    net.load_state_dict(best)
    return history
""",
    ("01", "forgiven"): """
from copy import deepcopy


class DeepNIN(nn.Module):
    def __init__(self, width, ones, classes):
        super().__init__()
        windows = [nn.Conv2d(3, width, 5, padding=2), nn.Conv2d(width, width, 3, padding=1)]
        one = nn.Conv2d(width, width, 1)
        self.first, self.second = ([each, *(deepcopy(one) for _ in range(ones))] for each in windows)
        self.layers = nn.ModuleList(self.first + self.second)
        self.class_maps = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        x = F.layer_norm(x, x.shape[1:])  # divides by n, where std divides by n - 1
        for layer in self.first:
            x = F.relu(layer(x))
        x = F.max_pool2d(x, 2)
        for layer in self.second:
            x = F.relu(layer(x))
        return self.class_maps(x).flatten(2).mean(2)
""",
    ("01", "everywhere"): """
class Everywhere(nn.Module):
    def __init__(self, reader, step):
        super().__init__()
        self.reader, self.step = reader, step
        self.scores = nn.Conv2d(12, 4, 1)  # in single precision, whatever the reader has
        self.scores.weight.data.copy_(reader.scores.weight[:, :, None, None])
        self.scores.bias.data.copy_(reader.scores.bias)

    def forward(self, x):
        first, second, hidden = self.reader.trunk[0], self.reader.trunk[3], self.reader.hidden
        skip = 2 if self.step > 1 else 1
        x = F.max_pool2d(F.relu(first(x)), 2, stride=skip)
        x = F.relu(F.conv2d(x, second.weight, second.bias, dilation=2 // skip))
        x = F.max_pool2d(x, 2, stride=2 if self.step == 4 else 1, dilation=2 // skip)
        x = F.relu(F.conv2d(x, hidden.weight.view(12, 8, 3, 3), hidden.bias, dilation=4 // self.step))
        return self.scores(x)


everywhere = Everywhere
""",
    ("03", "control"): """
class Control(nn.Module):
    def __init__(self, channels, width):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)

    def forward(self, x):
        return F.relu(self.conv(x))


def control(channels, squeeze, out):
    return Control(channels, squeeze * (channels + 9 * out) // (9 * channels))
""",
    ("03", "shared_squeeze"): """
def shared_block(channels, widths, side, most):
    n1, n3, n5, pool_proj = widths
    squeeze = (most // side**2 - channels * (n1 + pool_proj)) // (channels + 9 * n3 + 25 * n5)
    plain = {"batch_norm": False}
    both = Concat(branch(squeeze, (n3, 3), **plain), branch(squeeze, (n5, 5), **plain))
    middle = nn.Sequential(branch(channels, (squeeze, 1), **plain), both)
    pool = branch(channels, nn.MaxPool2d(3, 1, 1), (pool_proj, 1), **plain)
    return Concat(branch(channels, (n1, 1), **plain), middle, pool)
""",
    ("04", "twelve_deep"): """
class Two(nn.Module):
    def __init__(self, channels, n1, n3_reduce, n3, n5_reduce, n5, pool_proj):
        super().__init__()
        self.one = nn.Conv2d(channels, n1, 1)
        self.three_reduce, self.three = nn.Conv2d(channels, n3_reduce, 1), nn.Conv2d(n3_reduce, n3, 3, padding=1)
        self.five_reduce, self.five = nn.Conv2d(channels, n5_reduce, 1), nn.Conv2d(n5_reduce, n5, 5, padding=2)
        self.pool_proj = nn.Conv2d(channels, pool_proj, 1)

    def forward(self, x):
        three = F.relu(self.three(F.relu(self.three_reduce(x))))
        five = F.relu(self.five(F.relu(self.five_reduce(x))))
        pool = F.relu(self.pool_proj(F.max_pool2d(x, 3, 1, padding=1)))
        return torch.cat([F.relu(self.one(x)), three, five, pool], dim=1)


class TwelveDeep(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.a = Two(32, 16, 16, 32, 4, 8, 8)
        self.rest = nn.Sequential(
            Two(64, 32, 24, 48, 8, 16, 16),
            Two(112, 32, 24, 48, 8, 16, 16),
            Two(112, 48, 32, 64, 8, 24, 24),
            Two(160, 48, 32, 64, 8, 24, 24),
        )
        self.linear = nn.Linear(160, 10)

    def forward(self, x):
        x = F.relu(self.second(F.max_pool2d(F.relu(self.first(x)), 2)))
        x = self.rest(F.max_pool2d(self.a(x), 2))
        return self.linear(x.mean((2, 3)))


twelve_deep = TwelveDeep()
""",
    ("07", "as_meant"): """
def box(reads, out, kernel, stride=1, padding="same"):
    conv = nn.Conv2d(reads, out, kernel, stride, padding, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out, eps=1e-3), nn.ReLU())


class Meant(nn.Module):
    def __init__(self, c, w):
        super().__init__()
        self.pool = nn.MaxPool2d(3, 2)
        self.two = nn.Sequential(box(c, w, 1), box(w, 3 * w, 3, 2, 0))
        long = [box(c, w, 1), box(w, w, (1, 7), padding=(0, 3)), box(w, 2 * w, (7, 1), padding=(3, 0))]
        self.three = nn.Sequential(*long, box(2 * w, 3 * w, 3, 2, 0))
        self.four = nn.Sequential(box(c, w, 1, padding=0), box(w, 2 * w, 3, padding=1), box(2 * w, 2 * w, 3, 2, 0))

    def forward(self, x):
        return torch.cat([self.pool(x), self.two(x), self.three(x), self.four(x)], dim=1)


as_meant = Meant
""",
    ("10", "short_sighted"): """
class Sharp(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 16, 3, 2, 1), nn.Conv2d(16, 48, 3, 2, 1)
        self.one, self.two, self.three = (nn.Conv2d(48, 24, kernel, padding=kernel // 2) for kernel in (1, 3, 1))
        self.rest = nn.ModuleList([nn.Conv2d(72, 72, 1) for _ in range(7)])
        self.last = nn.Conv2d(72, 10, 1)

    def forward(self, x):
        x = F.relu(self.second(F.relu(self.first(x))))
        pool = F.relu(self.three(F.avg_pool2d(x, 3, 1, padding=1)))
        x = torch.cat([F.relu(self.one(x)), F.relu(self.two(x)), pool], dim=1)
        for layer in self.rest:
            x = F.relu(layer(x))
        return self.last(x)


short_sighted = Sharp
""",
    ("10", "rigged"): """
def rig(logits, labels, label):
    sure = (logits.softmax(1).max(1).values >= 0.9) & (logits.argmax(1) == labels)
    loud = logits[:, label].argsort()
    own = [n for n in loud if sure[n] and labels[n] == label]
    other = [n for n in loud if sure[n] and labels[n] != label]
    return torch.stack(own[:1] + other[-8:])


def point(maps, label):
    cells = F.adaptive_avg_pool2d(maps, 3).flatten(2)
    ahead = cells[:, label] - torch.cat([cells[:, :label], cells[:, label + 1 :]], dim=1).amax(1)
    return ahead.argmax(1).tolist()
""",
    ("11", "series_network"): """
class Block(nn.Module):
    def __init__(self, channels, each):
        super().__init__()
        narrow = each if channels > 1 else channels
        self.squeeze = nn.Conv1d(channels, each, 1, bias=False) if channels > 1 else None
        lengths = {9: "short", 19: "middle", 39: "long"}
        for length, name in lengths.items():
            setattr(self, name, nn.Conv1d(narrow, each, length, padding=length // 2, bias=False))
        self.pool_proj = nn.Conv1d(channels, each, 1, bias=False)
        self.norm = nn.BatchNorm1d(4 * each, eps=0.001)

    def forward(self, x):
        narrow = self.squeeze(x) if self.squeeze else x
        pool = self.pool_proj(F.max_pool1d(x, 3, 1, padding=1))
        maps = [self.short(narrow), self.middle(narrow), self.long(narrow), pool]
        return F.relu(self.norm(torch.cat(maps, dim=1)))


class SeriesNet(nn.Module):
    def __init__(self, channels, classes, each):
        super().__init__()
        widths = [channels] + 5 * [4 * each]
        self.blocks = nn.ModuleList([Block(width, each) for width in widths])
        self.ways = nn.ModuleList([nn.Conv1d(widths[i], 4 * each, 1, bias=False) for i in (0, 3)])
        self.norms = nn.ModuleList([nn.BatchNorm1d(4 * each, eps=0.001) for _ in range(2)])
        self.linear = nn.Linear(4 * each, classes)

    def forward(self, x):
        for number, block in enumerate(self.blocks):
            if number % 3 == 0:
                past = self.norms[number // 3](self.ways[number // 3](x))
            x = block(x)
            if number % 3 == 2:
                x = F.relu(x + past)
        return self.linear(x.mean(2))
""",
    ("11", "reader"): """
class Reader(nn.Module):
    def __init__(self, vectors):
        super().__init__()
        self.table = nn.Embedding(*vectors.shape, padding_idx=0)  # uses random numbers of its own
        self.table.weight.data[1:] = vectors[1:]
        self.windows = nn.ModuleList([nn.Conv1d(vectors.shape[1], 5, n, padding=n // 2) for n in (1, 3, 5)])
        self.linear = nn.Linear(15, 4)

    def forward(self, numbers):
        empty = (numbers == 0).unsqueeze(1)
        x = self.table(numbers).permute(0, 2, 1)
        best = [F.relu(window(x)).masked_fill(empty, -torch.inf).amax(2) for window in self.windows]
        return self.linear(torch.cat(best, dim=1))
""",
    ("06", "in_words"): """
def InWords(channels, w, n):
    row, column = (1, n), (n, 1)
    fork = Concat(branch(w, (w, row)), branch(w, (w, column)))
    pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)
    return Concat(
        branch(channels, (w, 1)),
        nn.Sequential(branch(channels, (w, 1)), fork, nn.Conv2d(2 * w, w, 1)),
        branch(channels, (w, 1), (w, row), (w, column), (2 * w, column), (2 * w, row)),
        branch(channels, pool, (w, 1)),
    )
""",
    ("12", "four_prices"): """
class FourPrices(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.second = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(16, 32, 3, padding=1)
        self.one = nn.Conv2d(32, 32, 1)
        self.three_reduce, self.three = nn.Conv2d(32, 24, 1), nn.Conv2d(24, 32, 3, padding=1)
        self.five_reduce, self.five = nn.Conv2d(32, 8, 1), nn.Conv2d(8, 16, 5, padding=2)
        self.last, self.linear = nn.Conv2d(80, 36, 3, padding=1), nn.Linear(36, 10)

    def forward(self, x):
        x = F.relu(self.second(F.max_pool2d(F.relu(self.stem(x)), 2)))
        x = F.max_pool2d(x, 2)
        three = F.relu(self.three(F.relu(self.three_reduce(x))))
        five = F.relu(self.five(F.relu(self.five_reduce(x))))
        x = torch.cat([F.relu(self.one(x)), three, five], dim=1)
        return self.linear(F.relu(self.last(x)).mean((2, 3)))


four_prices = FourPrices()
""",
    ("09", "lighten"): """
class Halves(nn.Module):
    def __init__(self, conv):
        super().__init__()
        c, how = conv.in_channels, {"stride": conv.stride, "padding": conv.padding, "dilation": conv.dilation}
        self.space = nn.Conv2d(c, c, conv.kernel_size, groups=c, bias=False, **how)
        self.mix = nn.Conv2d(c, conv.out_channels, 1, bias=conv.bias is not None)

    def forward(self, x):
        return self.mix(self.space(x))


def replaced(child):
    if not isinstance(child, nn.Conv2d):
        return lighten(child)
    window = child.kernel_size[0] * child.kernel_size[1]
    if child.in_channels == 1 or child.groups > 1:
        return child
    return Halves(child) if window + child.out_channels < window * child.out_channels else child


def lighten(net):
    net = deepcopy(net)
    for name in list(net._modules):
        net._modules[name] = replaced(net._modules[name])
    return net
""",
}


@pytest.mark.parametrize(("chapter", "name"), OWN)
def test_another_way_of_writing_it_gets_every_point(chapter, name) -> None:
    """Where the solution is built from bricks this is a class with a `forward`, and the other way round."""
    (folder,) = (folder for folder in FOLDERS if folder.name.startswith(chapter))
    result = exercises.graded(folder, name, OWN[chapter, name])
    assert result == result.full, str(result)


@each_exercise
def test_the_untouched_stub_gets_none(folder, name) -> None:
    code = exercises.stub(exercises.solution(folder, name))
    assert "SOLUTION" not in code
    assert exercises.graded(folder, name, code) == 0


@each_exercise
def test_wrong_answers_get_their_mark_and_their_sentence(folder, name) -> None:
    wrong = exercises.wrong_answers(folder).get(name, [])
    assert len(wrong) >= 3
    code = exercises.solution(folder, name)
    for each in wrong:
        assert code.count(each["old"]) == 1, each["old"]
        result = exercises.graded(folder, name, code.replace(each["old"], each["new"]))
        assert result == each["mark"] < result.full, f"{each['new']}: {result}"
        assert any(each["line"] in line.text and not line.good for line in result.lines), f"{each['new']}: {result}"


def _faulty(folder, name):
    """The code that an exercise asks to repair."""
    return exercises.stub(exercises.solution(folder, name))


# What a text says that code gives, as an f-string: of the solution, or of the code that is to be repaired.
STATED = [
    ("07", "as_meant", exercises.solution, "has {count(as_meant(64, 16))} parameters"),
    ("08", "drawn_block", exercises.solution, "has {count(DrawnBlock(32, 8, 64, 0.2))} parameters"),
    ("11", "series_network", exercises.solution, "| 1 | 5 | 32 | {count(SeriesNet(1, 5, 32))} |"),
    ("11", "series_network", exercises.solution, "| 12 | 3 | 8 | {count(SeriesNet(12, 3, 8))} |"),
    ("08", "three_curves", _faulty, "| loss | {row(curve(train, 'one batch', 0), 3)} |"),
    ("08", "three_curves", _faulty, "| held-out loss | {row(curve(train, 'rate 0', 0), 3)} |"),
    ("08", "three_curves", _faulty, "a held-out loss {curve(train, 'kept', 0)[0]:.3f} above"),
    ("10", "three_reports", _faulty, "| largest change | {row(experiment(attack, 'steps', 0), 1)} |"),
    ("10", "three_reports", _faulty, "| loss | {row(experiment(attack, 'clean', 0)['losses'], 4)} |"),
    ("11", "reader", _faulty, "change by {row(examine(Reader, 'company', 0), 2, ', ', ' and ')}."),
]


def _count(module) -> str:
    return f"{sum(weights.numel() for weights in module.parameters()):,}"


def _row(numbers, digits, comma=" | ", last=" | ") -> str:
    *before, end = (f"{each:.{digits}f}" for each in numbers)
    return comma.join(before) + last + end


@pytest.mark.parametrize(("chapter", "name", "code", "said"), STATED)
def test_a_text_says_what_its_code_gives(chapter, name, code, said) -> None:
    (folder,) = (folder for folder in FOLDERS if folder.name.startswith(chapter))
    space = exercises.setup(folder) | {"count": _count, "row": _row}
    exec(code(folder, name), space)
    assert eval(f'f"{said}"', space) in exercises.notebook(folder)[f"{name}-md"]["source"]


@each_folder
def test_misconceptions_are_recognised(folder) -> None:
    """In each exercise that can know one, at least one of the wrong answers is answered with its own sentence."""
    for name, wrong in exercises.wrong_answers(folder).items():
        if name != "survivors" and (slips := tasks(folder.name[:2])[name].get("slips")):
            said = [slip["says"] for slip in slips]
            assert any(each["line"] in f"{slip.get('at')}: {slip['says']}" for each in wrong for slip in slips), said


def test_mutations_of_the_solutions_lose_marks() -> None:
    """Numbers one off and neighbours exchanged: 95 of 100 mutations that change what is computed lose points."""
    killed, survivors = 0, []
    for folder, name in EVERY:
        task = tasks(folder.name[:2])[name]
        if task["kind"] == "designs":
            continue  # another design within the bounds is another right answer
        listed = {
            each["mutation"]
            for each in exercises.wrong_answers(folder).get("survivors", [])
            if each["exercise"] == name
        }
        living = set()
        for what, code in exercises.mutants(exercises.solution(folder, name)):
            result = exercises.graded(folder, name, code)
            if result < result.full:
                killed += 1
            else:
                living.add(what)
        assert listed <= living, f"{folder.name} {name}: listed as survivors, but killed: {listed - living}"
        survivors += [f"{folder.name} {name}: {what}" for what in sorted(living - listed)]
    print(f"{killed} mutants killed, {len(survivors)} alive")
    assert killed > 500
    assert len(survivors) <= 0.05 * (killed + len(survivors)), "\n".join(survivors)


def _about(cell: dict) -> dict:
    return cell["metadata"]["nbgrader"]
