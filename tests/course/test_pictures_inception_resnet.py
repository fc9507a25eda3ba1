"""What the pictures of chapter 08 show is what was measured, and the chapter's sentences about them hold."""

from statistics import fmean

import pytest
import torch

import inception_edu as ie
from inception_edu.course.lesson import by_seed, load_record, paired
from inception_edu.course.pictures import inception_resnet


def test_gradients_explode_vanish_and_are_kept() -> None:
    record = load_record("08_sums")
    said = inception_resnet.along_the_trunk(record).description
    assert "plain with norm from 0.014 after the last block to 6.2 before the first" in said
    assert "PyTorch's start from 0.014 after the last block to 5.2e-18 before the first" in said
    ratios = {arm: record["runs"][f"{arm}/0"]["gradients"] for arm in inception_resnet.ARMS}
    assert ratios["plain with norm"][0] / ratios["plain with norm"][-1] == pytest.approx(450, rel=0.02)
    for arm in ("sum with norm", "sum without norm"):
        assert max(ratios[arm]) / min(ratios[arm]) < 1.4
    assert record["runs"]["plain without norm/0"]["alike"][-1] == pytest.approx(0.97, abs=0.005)


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


def test_the_curves_of_the_first_steps() -> None:
    said = inception_resnet.first_steps({"sum with norm": [2.0] * 10 + [1.0] * 10, "plain with norm": [2.0] * 20})
    assert "sum with norm from 2.00 to 1.00; plain with norm from 2.00 to 2.00" in said.description


def test_the_bars_are_the_networks_and_count_their_blocks() -> None:
    names = {"Inception V4": "inception_v4", "drawn": "inception_resnet_v2_paper", "released": "inception_resnet_v2"}
    with torch.device("meta"):
        nodes = {name: ie.trace(ie.build(key), (3, 299, 299)) for name, key in names.items()}
    said = inception_resnet.drawn_and_released(nodes).description
    for name, blocks in (("Inception V4", "4 7 3"), ("drawn", "5 10 5"), ("released", "10 20 10")):
        (bar,) = [words for words in said.split(". ") if words.startswith(name)]
        assert bar.startswith(f"{name} {nodes[name].macs / 1e9:.1f}: stem")
        for count, letter in zip(blocks.split(), "ABC", strict=True):
            assert f" {count} {letter} " in bar
