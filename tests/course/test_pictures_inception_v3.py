"""The drawings of chapter 06 say what the package computes."""

from statistics import fmean

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.arithmetic import Pair
from inception_edu.course.pictures import inception_v3, two_kernels
from inception_edu.course.records import by_seed, load_record
from inception_edu.course.strokes import nearest_pair
from inception_edu.explorers.grid_reduction import GridReduction


def test_the_whole_network_is_drawn_from_its_trace() -> None:
    with torch.device("meta"):
        said = repr(inception_v3.whole(ie.trace(ie.build("inception_v3"), (3, 299, 299))))
    assert "grids 149, 147, 73, 71, 35, 35 with 288 channels, 17 with 768 channels, 8 with 2,048 channels: " in said
    assert "A A A R B B B B R C C, mean, linear" in said
    assert "R, 35 to 17: 3x3/2 | 1x1 3x3 3x3/2 | pool/2" in said
    assert "B on 17x17: 1x1 | 1x1 1x7 7x1 | 1x1 7x1 1x7 7x1 1x7 | pool 1x1" in said
    assert "C on 8x8: 1x1 | 1x1 1x3 beside 3x1 | 1x1 3x3 1x3 beside 3x1 | pool 1x1" in said


@pytest.mark.parametrize("kernels", [((1, 7), (7, 1)), ((1, 7), (1, 7)), ((3, 3), (3, 3))])
def test_two_kernels_see_what_a_trace_says(kernels: tuple[Pair, Pair]) -> None:
    high, wide = ie.trace(nn.Sequential(*(nn.Conv2d(1, 1, kernel) for kernel in kernels)), (1, 15, 15)).output.field
    said = repr(two_kernels(*kernels))
    assert f"Together they see {high}x{wide} cells" in said
    assert f"Three maps of {max(high + 2, 5)}x{max(wide + 2, 5)} cells" in said


def test_the_three_ways_cost_what_the_explorer_says() -> None:
    said = repr(inception_v3.three_ways())
    for way in GridReduction().ways:
        assert f"{way.macs / 1e6:,.0f} million" in said


def test_the_rank_one_part_is_the_nearest_product() -> None:
    kernels = torch.randn(5, 3, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    part = inception_v3.rank_one_part(kernels)
    assert torch.linalg.matrix_rank(part).tolist() == [1] * 5
    energies = torch.linalg.svdvals(kernels) ** 2
    torch.testing.assert_close(part.square().sum((1, 2)), energies[:, 0])
    torch.testing.assert_close((kernels - part).square().sum((1, 2)), energies[:, 1:].sum(1))
    assert "with 100% of the energy" in repr(inception_v3.kernel_and_part(part[0]))


@pytest.mark.parametrize("kind", ["random", "shuffled", "trained"])
def test_each_share_is_told(kind: str) -> None:
    shares = {"3a, 3x3": {"random": 0.7, "shuffled": 0.75, "trained": 0.8}}
    assert f"{kind} {shares['3a, 3x3'][kind]:.2f}" in repr(inception_v3.rank_one_shares(shares))


def test_cut_and_trained_pairs_are_told_by_their_means() -> None:
    record = load_record("06_strokes")
    said = repr(inception_v3.cut_and_trained(record, 0.173))
    for arm, what, share in (("pairs 0.25", "test", "0.25"), ("squares", "cut 0.25", "0.25")):
        assert f"{100 * fmean(by_seed(record, arm, what)):.1f}% at {share}" in said
    assert f"squares {100 * fmean(by_seed(record, 'squares')):.1f}%, 92,442 parameters" in said
    assert "yours, cut, 17.3% at 0.125" in said


def test_a_layer_is_drawn_as_the_product_that_its_pair_computes() -> None:
    first, second = (conv.weight for conv in nearest_pair(nn.Conv2d(4, 8, 5, padding=2, bias=False), 3))
    said = repr(inception_v3.layer_as_matrix(4, 8, 5, 3))
    assert f"{second.numel() // 3}x3" in said
    assert f"3x{first.numel() // 3}" in said


def test_clipping_counts_the_runs_that_survive() -> None:
    record = load_record("06_clipping")
    for key, run in record["runs"].items():
        run["test"] = 0.5 if key.startswith("clipped") else 0.1
    said = repr(inception_v3.clipped_and_free(record))
    assert "[0, 0, 0, 0] of the free and [10, 10, 10, 10] of the clipped" in said


def test_a_step_at_the_cost_of_the_row_above_is_told_with_its_cost() -> None:
    said = repr(inception_v3.account({"a": (29.0, 1.5), "+ b": (26.8, 1.5), "c": (25.2, 2.0)}))
    assert "a 29.0 at 1.5 billion MACs; + b 26.8 at 1.5 billion MACs; c 25.2 at 2.0 billion MACs" in said


def test_a_speed_up_is_a_dot_and_the_ratio_of_macs_a_line() -> None:
    picture = inception_v3.times({"3": [0.9, 1.2], "7": [2.0, 3.9]}, {"3": 1.1, "7": 8.0})
    assert picture.description.endswith("3x3 from 0.9 to 1.2, MACs 1.5; 7x7 from 2.0 to 3.9, MACs 3.5.")
    assert picture.svg.count(">ratio of MACs<") == 1
