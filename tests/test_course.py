"""Predictions and the budget challenge."""

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.bricks import ConvUnit
from inception_edu.course import BUDGET, challenge_network, compare


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
    assert "parameters too many" in BUDGET.verdict(challenge_network(block_1=(400, 3)))
    assert "MACs too many" in BUDGET.verdict(net)


def test_what_is_not_the_challenge_is_refused():
    with pytest.raises(ValueError, match="no 'block_4'"):
        challenge_network(block_4=(8, 3))
    with pytest.raises(ValueError, match="10 classes"):
        BUDGET.verdict(nn.Sequential(ConvUnit(1, 7, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))
