"""Predictions and the budget challenge."""

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.bricks import ConvUnit
from inception_edu.course.challenge import BUDGET, Logbook, challenge_network
from inception_edu.course.quiz import compare
from inception_edu.course.records import by_seed, load_record, paired


@pytest.mark.parametrize(
    ("guess", "words"),
    [
        (None, "You wrote no guess this time. It is 69,632 MACs."),
        (69_632, "Exactly: 69,632 MACs."),
        (139_264, "You wrote 139,264, which is 2 times too high. It is 69,632 MACs."),
        (34_816, "You wrote 34,816, which is 2 times too low. It is 69,632 MACs."),
        (-1, "You wrote -1. It is 69,632 MACs."),
    ],
)
def test_a_guess_is_answered_in_a_sentence(guess, words):
    assert compare(guess, 69_632, "MACs") == words


def test_the_challenge_starts_within_its_budget():
    net = challenge_network()
    assert BUDGET.verdict(net).endswith("within the budget")
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_a_block_can_be_replaced_and_the_next_one_reads_its_channels():
    net = challenge_network(block_1=(200, 3))
    node = ie.trace(net, BUDGET.image)
    assert node["block_2"].input.channels == 200
    assert "parameters over" in BUDGET.verdict(challenge_network(block_1=(400, 3)))
    assert "MACs over" in BUDGET.verdict(net)


def test_what_is_not_the_challenge_is_refused():
    with pytest.raises(ValueError, match="no 'block_4'"):
        challenge_network(block_4=(8, 3))
    with pytest.raises(ValueError, match="10 classes"):
        BUDGET.verdict(nn.Sequential(ConvUnit(1, 7, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))


def test_a_record_gives_its_runs_by_seed_and_arm():
    runs = {
        f"{arm}/{seed}": {"test": seed / 100 + shift} for arm, shift in (("a", 0), ("a/b", 0.5)) for seed in (10, 2)
    }
    assert by_seed({"runs": runs}, "a") == [0.02, 0.1]
    assert by_seed({"runs": runs}, "a/b") == [0.52, 0.6]
    assert load_record("03_squeeze")["made_by"] == "experiments/squeeze.py"
    with pytest.raises(FileNotFoundError, match=r"records/no_such\.json"):
        load_record("no_such")


def test_paired_differences_are_taken_seed_by_seed():
    same = paired([0.5, 0.6, 0.7], [0.51, 0.62, 0.73])
    assert same.mean == pytest.approx(2)
    assert same.error == pytest.approx(1 / 3**0.5)
    assert (same.low, same.high) == (pytest.approx(2 - 4.303 / 3**0.5), pytest.approx(2 + 4.303 / 3**0.5))
    assert str(same) == "+2.00 points, 95 % interval -0.48 to +4.48, 3 pairs"
    assert not same.counts  # more than two standard errors from 0, but three pairs prove less than that
    assert paired([0.5, 0.6, 0.7, 0.8], [0.51, 0.62, 0.73, 0.82]).counts
    assert not paired([0.5, 0.5], [0.6, 0.4]).counts
    assert paired(torch.tensor([0.5, 0.75]), torch.tensor([0.625, 0.75])) == paired([0.5, 0.75], [0.625, 0.75])
    with pytest.raises(ValueError, match="2 and 1 runs make no pairs"):
        paired([0.5, 0.5], [0.6])


def test_a_logbook_keeps_decisions_and_replaces_one_that_is_noted_again(tmp_path):
    book = Logbook(tmp_path / "logbook.json")
    assert book.entries == []
    net = challenge_network()
    book.note("03", "a bottleneck", net, predicted=85, measured=82.4, keep=True, why="cheaper")
    book.note("03", "a bottleneck", net, predicted=None, measured=82.4, keep=False, why="it lost <2.9> points")
    again = Logbook(tmp_path / "logbook.json")
    assert again.entries == book.entries
    assert len(again.entries) == 1
    node = ie.trace(net, BUDGET.image)
    assert f"a bottleneck: 82.4 % ({node.params:,} parameters, {node.macs:,} MACs), reject" in repr(again)
    assert "&lt;2.9&gt;" in again._repr_html_()
    assert "<td>none</td>" in again._repr_html_()


@pytest.mark.parametrize("text", ["no json", "[1]", '[{"chapter": "03"}]', "{}x"])
def test_a_file_that_is_no_logbook_is_left_alone(tmp_path, text):
    path = tmp_path / "logbook.json"
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a logbook of this course"):
        Logbook(path)
    assert path.read_text() == text
