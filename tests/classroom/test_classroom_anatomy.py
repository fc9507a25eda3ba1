from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inception_edu import build
from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.classroom.checking.anatomy import anatomy, computing, count, differences, words
from inception_edu.network import as_bricks
from inception_edu.shorthand import branch
from inception_edu.tracing import trace


def block(a=8, b=(4, 6)):
    return Concat(branch(16, (a, 1)), branch(16, (b[0], 1), (b[1], 3)), branch(16, nn.MaxPool2d(3, 1, 1), (5, 1)))


def lines(expected, given, shut=False):
    return differences(anatomy(expected), anatomy(given), tell=not shut)


@pytest.mark.parametrize("shut", [False, True])
def test_equal_modules_do_not_differ_however_they_are_wrapped(shut) -> None:
    wrapped = nn.Sequential(nn.Identity(), nn.Sequential(block()))
    found = lines(block(), wrapped, shut)
    assert found.lines == ()
    assert found.right == found.boxes == count(anatomy(block())) == 6


def test_a_join_directly_within_a_join_is_one_join() -> None:
    first, second, third = block()
    nested = Concat(Concat(first, nn.Sequential(nn.Identity(), Concat(second))), third)
    assert lines(block(), nested).lines == ()


def test_a_unit_and_its_three_layers_are_one_box() -> None:
    by_hand = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, eps=1e-3), nn.ReLU())
    assert anatomy(by_hand) == anatomy(ConvUnit(3, 8, 3))


def test_a_wrong_width_is_named_with_its_branch() -> None:
    found = lines(block(), block(b=(4, 7)))
    assert found.lines == ("branch 2, box 2: expected a 3x3 convolution with 6 channels, yours has 7 channels",)
    assert (found.right, found.boxes) == (5.5, 6)


def test_of_hidden_settings_a_sentence_names_the_box_and_no_number() -> None:
    (line,) = lines(block(), block(b=(4, 7)), shut=True).lines
    assert line == "branch 2, box 2: yours is a convolution that is wrong in its channels"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (ConvUnit(3, 8, 3, padding=0), "yours has padding 0"),
        (ConvUnit(3, 8, 3, 2), "yours has stride 2"),
        (ConvUnit(3, 8, 3, relu=False), "yours has no ReLU"),
        (ConvUnit(3, 8, 3, batch_norm=False, bias=False), "yours has no batch norm"),
        (ConvUnit(3, 8, 3, eps=1e-5), "yours has batch norm with epsilon 1e-05"),
        (ConvUnit(3, 8, 3, bias=True), "yours has a bias"),
        (
            nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8, 1e-3, 0.9), nn.ReLU()),
            "yours has batch norm with epsilon 0.001 and momentum 0.9",
        ),
        (ConvUnit(3, 8, (1, 3)), "yours has a 1x3 window, padding 0x1"),
        (nn.MaxPool2d(3, 1, 1), "yours is a 3x3 max pool"),
        (nn.Sequential(ConvUnit(3, 8, 3), nn.Dropout(0.4)), "box 2: a dropout with 40 % dropped does not belong here"),
        (nn.Sequential(), "a 3x3 convolution with 8 channels is missing"),
    ],
)
def test_each_difference_has_its_words(wrong, said) -> None:
    (line,) = lines(ConvUnit(3, 8, 3), wrong).lines
    assert line.endswith(said)


def test_a_box_counts_in_part_and_an_epsilon_hardly() -> None:
    by_hand = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
    assert lines(ConvUnit(3, 8, 3), by_hand).right == 0.9
    assert lines(ConvUnit(3, 8, 3), ConvUnit(3, 8, 3, relu=False)).right == 0.5
    assert lines(ConvUnit(3, 8, 3), ConvUnit(3, 9, 3, relu=False)).right == 0.25
    assert lines(ConvUnit(3, 8, 3), nn.MaxPool2d(3, 1, 1)).right == 0


def test_branches_in_another_order_are_told_as_such() -> None:
    other = Concat(*reversed(list(block())))
    found = lines(block(), other)
    assert found.lines == (
        "the branches are right but in a different order, which decides the order of their channels",
    )
    assert found.right < found.boxes
    assert lines(block(), other, shut=True) == found


def test_a_missing_branch_is_counted() -> None:
    found = lines(block(), Concat(*list(block())[:2]))
    assert found.lines == ("expected 3 branches, yours has 2",)


def test_pools_differ_in_their_border_and_their_rounding() -> None:
    average = partial(nn.AvgPool2d, 3, 2, 1)
    assert "padding left out of the average" in lines(average(), average(count_include_pad=False)).lines[0]
    assert "sizes rounded up" in lines(average(), average(ceil_mode=True)).lines[0]


def test_sums_name_their_side_and_their_scale() -> None:
    expected = Residual(ConvUnit(4, 4, 3), scale=0.2)
    assert "yours has scale 1" in lines(expected, Residual(ConvUnit(4, 4, 3))).lines[0]
    (line,) = lines(expected, Residual(ConvUnit(4, 4, 5), scale=0.2)).lines
    assert line.startswith("body: expected a 3x3 convolution")
    joined = lines(expected, Concat(ConvUnit(4, 4, 3), nn.Identity())).lines
    assert joined == ("expected a residual sum, yours is 2 branches side by side",)


def test_auxiliary_heads_are_part_of_a_network() -> None:
    with_heads, without = (build("googlenet", width=0.1, aux=aux) for aux in (True, False))
    assert all("an auxiliary head is missing" in line for line in lines(with_heads, without).lines)
    assert lines(with_heads, build("googlenet", width=0.1, aux=True)).lines == ()


@pytest.mark.parametrize("name", ["nin_cifar10", "googlenet", "inception_v3", "inception_v4", "inception_resnet_v2"])
def test_networks_of_the_family_are_equal_to_themselves_alone(name) -> None:
    with torch.device("meta"):
        net, other = build(name), build("bn_inception")
    assert lines(net, net).lines == ()
    assert lines(net, other).lines != ()
    assert sum(isinstance(layer, nn.Conv2d) for layer in computing(net)) > 5


def test_words_of_every_kind() -> None:
    told = [words(part) for part in anatomy(nn.Sequential(ConvUnit(4, 8, 3, 2, groups=4), block(), nn.Linear(3, 1)))]
    assert told == [
        "a 3x3 convolution in 4 groups with 8 channels and stride 2",
        "3 branches side by side",
        "a linear layer with 1 channel",
    ]


def test_layers_of_a_series_have_words_too() -> None:
    right, wrong = (nn.Conv1d(3, out, size, stride, size // 2) for out, size, stride in ((4, 9, 1), (4, 19, 2)))
    (line,) = lines(right, wrong).lines
    assert line == (
        "box 1: expected a convolution of 9 with 4 channels, stride 1 and padding 4, "
        "yours has a window of 19, stride 2, padding 9"
    )
    assert lines(nn.MaxPool1d(3, 1, 1), nn.Identity()).lines == ("a max pool of 3 is missing",)


widths = st.tuples(*[st.integers(1, 6)] * 3)


@given(widths, widths)
def test_every_changed_width_is_found_and_nothing_else(a, b) -> None:
    def made(w):
        return block(w[0], (w[1], w[2]))

    for shut in (False, True):
        found = lines(made(a), made(b), shut)
        assert len(found.lines) == 2 * (found.boxes - found.right) == sum(x != y for x, y in zip(a, b, strict=True))


def test_a_batch_norm_behind_the_relu_is_a_box_of_its_own() -> None:
    swapped = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(8, eps=1e-3))
    (first, second) = lines(ConvUnit(3, 8, 3), swapped).lines
    assert first.endswith("yours has no batch norm")
    assert second == "box 2: a batch norm does not belong here"


def test_the_epsilon_of_a_norm_alone_is_said_once() -> None:
    (line,) = lines(nn.BatchNorm1d(8, eps=1e-3), nn.BatchNorm1d(8)).lines
    assert line == "box 1: expected a batch norm with epsilon 0.001, yours has epsilon 1e-05"


def test_padding_said_in_words_is_the_padding_that_it_equals() -> None:
    def conv(padding):
        return nn.Conv2d(3, 8, (3, 5), padding=padding)

    assert lines(conv((1, 2)), conv("same")).lines == lines(conv(0), conv("valid")).lines == ()


def test_a_vector_that_is_flattened_again_is_no_other_network() -> None:
    class Vectors(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(12, 4), nn.Linear(4, 3)

        def forward(self, x):
            return self.two(torch.relu(self.one(x.flatten(1))).flatten(1))

    written = anatomy(as_bricks(trace(Vectors(), (3, 2, 2))))
    once = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 3))
    twice = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3))
    assert written == anatomy(once) == anatomy(twice)


def test_a_sum_whose_sides_have_changed_places_says_so() -> None:
    pair = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)
    right, swapped = (Residual(a, b, scale=0.2) for a, b in (pair, pair[::-1]))
    (said,) = differences(anatomy(right), anatomy(swapped)).lines
    assert "the two sides of the sum have changed places" in said


def test_a_sum_says_which_scale_was_expected() -> None:
    (line,) = lines(Residual(ConvUnit(4, 4, 3), scale=0.2), Residual(ConvUnit(4, 4, 3))).lines
    assert line == "expected a residual sum with scale 0.2, yours has scale 1"


def test_a_relu_after_a_max_pool_or_a_join_belongs_to_the_convolutions_before_it() -> None:
    def conv(relu):
        return ConvUnit(4, 4, 3, relu=relu)

    pool, relu = nn.MaxPool2d(2), nn.ReLU()
    assert lines(nn.Sequential(conv(True), pool), nn.Sequential(conv(False), pool, relu)).lines == ()
    late = Concat(nn.Sequential(Concat(conv(False), nn.Sequential(conv(False), nn.MaxPool2d(3, 1, 1))), relu), pool)
    early = Concat(conv(True), nn.Sequential(conv(True), nn.MaxPool2d(3, 1, 1)), pool)
    assert lines(early, late).lines == ()


def test_a_relu_that_changes_more_than_convolutions_is_a_box_of_its_own() -> None:
    for late in (nn.AvgPool2d(2), Concat(ConvUnit(4, 4, 3, relu=False), nn.Identity())):
        assert anatomy(nn.Sequential(ConvUnit(4, 4, 3, relu=False), late, nn.ReLU()))[-1]["is"] == "ReLU"
