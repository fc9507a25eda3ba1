"""The command line, called as a person would."""

import json

import pytest

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
        ("draw inception_v4 mixed_9z", "holds no 'mixed_9z'"),
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
