"""What the pictures of chapter 08 show is what was measured, and the chapter's sentences about them hold."""

from statistics import fmean, median

import pytest
import torch

import inception_edu as ie
from inception_edu.course.lesson import by_seed, load_record, paired
from inception_edu.course.pictures import inception_resnet


def test_only_what_adds_has_a_straight_path() -> None:
    picture = inception_resnet.join_and_add()
    assert picture.svg.count(">+<") == 3
    assert picture.svg.count("the straight path") == 1
    assert "a straight path leads from the first input through the plus signs" in picture.description


def test_gradients_explode_vanish_and_are_kept() -> None:
    record = load_record("08_sums")
    said = inception_resnet.along_the_trunk(record).description
    assert "plain with norm from 0.014 after the last block to 6.2 before the first" in said
    assert "PyTorch's start from 0.014 after the last block to 5.2e-18 before the first" in said
    for seed in range(10):
        sizes = {arm: record["runs"][f"{arm}/{seed}"]["gradients"] for arm in inception_resnet.ARMS}
        plain = sizes["plain with norm"]
        assert 237 < plain[0] / plain[-1] < 589
        assert max(max(sizes[arm]) / min(sizes[arm]) for arm in ("sum with norm", "sum without norm")) < 1.5
        assert 0.045 < sizes["plain without norm"][0] / sizes["plain without norm"][-1] < 0.975
    for rate in (0.01, 0.03, 0.1):
        assert record["runs"][f"plain without norm, default start {rate}/0"]["losses"][-1] > 2.3


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


def test_the_curves_of_the_first_steps() -> None:
    said = inception_resnet.first_steps({"sum with norm": [2.0] * 10 + [1.0] * 10, "plain with norm": [2.0] * 20})
    assert "sum with norm from 2.00 to 1.00; plain with norm from 2.00 to 2.00" in said.description


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
