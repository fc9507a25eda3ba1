"""The command line, called as a person would."""

import json
import re

import pytest

from inception_edu import selftest
from inception_edu.cli import main


def test_cost_prints_the_totals_of_inception_v4(capsys):
    assert main(["cost", "inception_v4"]) == 0
    out = capsys.readouterr().out
    assert "42,679,816" in out
    assert "12,253,974,624" in out


def test_cost_as_json_and_html(capsys):
    assert main(["cost", "inception_v4", "--size", "299", "--depth", "1", "--format", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["rows"][-1]["params"] == 42_679_816
    assert main(["cost", "nin_cifar10", "--format", "html"]) == 0
    assert "<table>" in capsys.readouterr().out


def test_options_reach_the_builder(capsys):
    arguments = "cost googlenet --size 28 --channels 1 --classes 10 --width 0.25 --small --aux --format json"
    assert main(arguments.split()) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert rows[-1]["output"] == [10]
    assert sum(row["training_only"] for row in rows) == 2


def test_family_lists_every_network(capsys):
    assert main(["family"]) == 0
    out = capsys.readouterr().out
    assert "xception" in out
    assert "22,855,952" in out


@pytest.mark.parametrize("part", ["stem", "inception_a_1", ""])
def test_draw_writes_a_file(tmp_path, capsys, part):
    path = tmp_path / "drawing.svg"
    assert main(["draw", "inception_v4", *filter(None, [part]), "-o", str(path)]) == 0
    assert path.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("cost inceptoin_v4", "did you mean 'inception_v4'"),
        ("cost inception_v4 --size 40", "the smallest square image it can read is 75x75"),
        ("cost inception_v4 --size 0", "whole numbers above 0"),
        ("cost inception_v4 --depth 0", "a depth of at least 1"),
        ("cost nin_cifar10 --small", "no option 'small'"),
        ("draw inception_v4 mixed_9z", "has no part 'mixed_9z'"),
        ("draw nin_cifar10 stem", "has no stem"),
        ("draw inception_v4 stem -o /nowhere/at/all.svg", "No such file"),
    ],
)
def test_a_mistake_gets_one_sentence(capsys, arguments, words):
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert "Traceback" not in error


OWN = """
from torch import nn

class Net(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, padding=1)
        self.linear = nn.Linear(8, num_classes)

    def forward(self, x):
        return self.linear(self.body(x).relu().mean((2, 3)))

network = nn.Conv2d(1, 2, 3)
number = 7

class Sized(nn.Module):
    def __init__(self, width):
        super().__init__()
"""


def test_a_network_of_ones_own_is_priced_and_drawn(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    assert main(["cost", "--module", f"{file}:Net", "--size", "32", "--classes", "4"]) == 0
    assert f"Net on 3 x 32 x 32: {3 * 8 * 9 + 8 + 8 * 4 + 4} parameters, {3 * 8 * 9 * 32 * 32 + 32:,} MACs" in (
        capsys.readouterr().out
    )
    assert main(["cost", "--module", f"{file}:network", "--channels", "1", "--size", "8"]) == 0
    assert "648 MACs" in capsys.readouterr().out
    assert main(["draw", "--module", f"{file}:Net"]) == 0
    assert "global avg pool" in capsys.readouterr().out
    assert main(["draw", "--module", f"{file}:Net", "body"]) == 0
    assert "3x3 conv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("mine.py", "--module mine.py names no class: write FILE.py:NAME"),
        ("other.py:Net", "there is no file other.py"),
        ("mine.py:Nothing", "mine.py does not define Nothing"),
        ("mine.py:number", "number in mine.py makes an object of type int, not an nn.Module"),
        ("mine.py:Sized", "Sized in mine.py cannot be called with these options: .*width"),
    ],
)
def test_a_module_that_cannot_be_found_or_made_is_named(tmp_path, monkeypatch, capsys, where, words):
    (tmp_path / "mine.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    assert main(["cost", "--module", where]) == 2
    assert re.search(words, capsys.readouterr().err)


def test_a_network_is_asked_for_once(capsys):
    for arguments in (["cost"], ["cost", "googlenet", "--module", "mine.py:Net"]):
        assert main(arguments) == 2
        assert "say which network" in capsys.readouterr().err


def test_the_selftest_says_that_everything_works(capsys):
    assert main(["selftest"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == "everything works"
    assert len(lines) == len(selftest.CHECKS)
    assert all(line.startswith("ok ") for line in lines)
    assert "589,824" in lines[0]


def test_the_selftest_names_what_is_broken_and_goes_on(monkeypatch, capsys):
    from inception_edu.course import canvas

    def lost(name):
        raise FileNotFoundError(f"{name} is nowhere")

    canvas.network.cache_clear()
    monkeypatch.setattr(canvas, "asset", lost)
    assert main(["selftest"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["ok", "ok", "ok", "FAILED", "ok"]
    assert "the trained network: FileNotFoundError: checkpoints/small_googlenet.safetensors is nowhere" in lines[3]
    assert lines[-1].startswith("1 failed")
