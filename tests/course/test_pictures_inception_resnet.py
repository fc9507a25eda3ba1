"""What the pictures of chapter 08 show is what was measured, and the chapter's sentences about them hold."""

from pathlib import Path
from statistics import fmean, median
from typing import Any

import nbformat
import pytest
import torch

import inception_edu as ie
from inception_edu.course.lesson import by_seed, load_fashion, load_record, paired
from inception_edu.course.pictures import inception_resnet

CHAPTERS = Path(__file__).parents[2] / "chapters"


def test_only_what_adds_has_a_shortcut() -> None:
    picture = inception_resnet.join_and_add()
    assert picture.svg.count(">+<") == picture.svg.count(">ReLU<") == 3
    assert picture.svg.count("the shortcut") == 2  # in the drawing and in its description
    assert picture.svg.count(">\N{MULTIPLICATION SIGN} s<") == picture.svg.count(">F(x)<") == 3


def test_gradients_explode_vanish_and_are_kept() -> None:
    record = load_record("08_sums")
    said = inception_resnet.along_the_trunk(record).description
    assert "sum with norm, 1.23 to 1.47 times; plain with norm, 238 to 588 times" in said
    assert "sum without norm, 0.81 to 1.04 times; plain without norm, 0.05 to 0.97 times" in said
    assert "from PyTorch's default start, falls to 5.2e-18" in said
    for seed in range(10):
        sizes = {arm: record["runs"][f"{arm}/{seed}"]["gradients"] for arm in inception_resnet.ARMS}
        plain = sizes["plain with norm"]
        assert 237 < plain[0] / plain[-1] < 589
        assert max(max(sizes[arm]) / min(sizes[arm]) for arm in ("sum with norm", "sum without norm")) < 1.5
        assert 0.045 < sizes["plain without norm"][0] / sizes["plain without norm"][-1] < 0.975


def test_a_sum_needs_an_eighth_of_the_steps() -> None:
    record = load_record("08_sums")
    summed, plain = (
        [fmean(losses) for losses in zip(*by_seed(record, f"{arm} with norm", "losses"), strict=True)]
        for arm in ("sum", "plain")
    )
    assert summed[0] > plain[-1] > summed[1]
    assert len(plain) == 8 * 2
    ahead = paired(by_seed(record, "plain with norm"), by_seed(record, "sum with norm"))
    assert ahead.counts
    assert ahead.mean == pytest.approx(11, abs=0.5)
    middles = [median(by_seed(record, f"{arm} with norm")) for arm in ("plain", "sum")]
    assert 100 * (middles[1] - middles[0]) == pytest.approx(8, abs=0.5)


def test_two_plain_seeds_did_badly_and_their_rate_hardly_mattered() -> None:
    record = load_record("08_sums")
    said = inception_resnet.where_they_end(record).description
    assert "sum with norm 86 to 87, median 86.8, mean 86.8; plain with norm 50 to 82, median 79.2, mean 75.6" in said
    assert [round(100 * right) for right in sorted(by_seed(record, "plain with norm"))[:3]] == [50, 69, 77]
    chosen = {rate: record["runs"][f"tuning/plain with norm/{rate}/100"]["valid"] for rate in (0.1, 0.3, 0.9, 2.7)}
    assert max(chosen, key=lambda rate: chosen[rate]) == record["rates"]["plain with norm"] == 0.9
    assert chosen[0.9] - chosen[0.3] == pytest.approx(0.01)


def test_without_a_norm_the_gradient_and_the_end_go_together_and_sums_are_above_both() -> None:
    record = load_record("08_sums")
    ends = by_seed(record, "plain without norm")
    sizes: list[Any] = by_seed(record, "plain without norm", "gradients")
    left = [size[0] / size[-1] for size in sizes]
    least, most = left.index(min(left)), left.index(max(left))
    assert (left[least], left[most]) == pytest.approx((1 / 20, 0.97), abs=0.005)
    assert (ends[least], ends[most]) == pytest.approx((0.21, 0.76), abs=0.005)
    assert min(by_seed(record, "sum without norm")) > 0.84


def test_the_curves_of_the_first_passes() -> None:
    said = inception_resnet.first_passes({"sum with norm": [2.0, 1.0], "plain with norm": [2.0, 1.5]}).description
    assert "sum with norm from 2.00 to 1.00; plain with norm from 2.00 to 1.50" in said


def test_a_new_block_needs_the_sum_and_a_small_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the chapter's own cells: 93, 15 and 10 percent, because F(x) is four times as large as x."""
    monkeypatch.syspath_prepend(CHAPTERS)
    cells = [cell.source for cell in nbformat.read(CHAPTERS / "08_inception_resnet.ipynb", as_version=4).cells]
    space: dict[str, Any] = {"train": load_fashion("train")}
    for start in ("import torch", "def unit", "class SmallBlock", "mine = ", "with torch.no_grad():\n    maps"):
        (cell,) = [cell for cell in cells if cell.startswith(start)]
        exec(cell, space)
    new, right = space["new_block"], space["right_with"]
    assert space["before"] - right(new(True, 0.1, 0)) < 2
    assert right(new(True, 1, 0)) < 25
    assert right(new(False, 1, 0)) < 15
    exec(next(cell for cell in cells if "added = " in cell), space)
    assert (space["added"].norm() / space["maps"].norm()).item() == pytest.approx(4.1, abs=0.1)


def test_the_dots_of_the_inserted_blocks() -> None:
    said = inception_resnet.inserted({"scale 1": [10, 20], "no sum": [9, 11]}, 93.8).description
    assert "scale 1, mean 15.0; no sum, mean 10.0. Without a new block 93.8." in said


def test_the_bars_are_the_networks_and_count_their_blocks() -> None:
    names = {"Inception V4": "inception_v4", "drawn": "inception_resnet_v2_paper", "released": "inception_resnet_v2"}
    with torch.device("meta"):
        nodes = {name: ie.trace(ie.build(key), (3, 299, 299)) for name, key in names.items()}
    said = inception_resnet.stages(nodes).description
    for name, blocks in (("Inception V4", "4 7 3"), ("drawn", "5 10 5"), ("released", "10 20 10")):
        (bar,) = [words for words in said.split(". ") if words.startswith(name)]
        assert bar.startswith(f"{name} {nodes[name].macs / 1e9:.1f}: stem")
        for count, letter in zip(blocks.split(), "ABC", strict=True):
            assert f" {count} {letter} " in bar
    expansions = 10 * 35**2 * 128 * 320 + 20 * 17**2 * 384 * 1088 + 10 * 8**2 * 448 * 2080
    assert f"the last 1x1s of the blocks are {expansions / nodes['released'].macs:.1%} of all" in said
    assert said.count("last 1x1s") == 2


def test_the_growth_of_a_trunk_is_told_for_every_scale() -> None:
    curves = {1.0: [1.0, 1.5, 1.75], 0.3: [1.0, 1.1, 1.2], 0.1: [1.0, 1.0, 1.1]}
    picture = inception_resnet.growth({"with norms": curves, "without": curves})
    assert "after 2 blocks" in picture.description
    assert "without, s = 0.1: 1.1" in picture.description
    assert picture.svg.count(">s = 0.3<") == 2


def test_the_errors_fall_step_by_step() -> None:
    said = inception_resnet.errors_by_step({"one crop": (19.9, 4.9), "all,\non the test set": (None, 3.08)}).description
    assert "one crop: 19.9 and 4.9; all, on the test set: 3.08." in said


def test_only_the_size_that_a_network_was_trained_on_is_filled() -> None:
    networks = {"ResNet-50": (25.6, {224: 4.1, 299: 7.6}), "Inception-ResNet-v2": (55.8, {224: 6.5, 299: 13.2})}
    picture = inception_resnet.macs_at_two_sizes(networks, {"ResNet-50": 224, "Inception-ResNet-v2": 299})
    assert "Inception-ResNet-v2 55.8, 6.5 at 224 and 13.2 at 299" in picture.description
    assert picture.svg.count(">299<") == 2
