"""What the pictures of chapter 03 show is what was measured, and the chapter's sentences about them hold."""

import re
from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import inception_edu as ie
from inception_edu.course.challenge import BUDGET, challenge_network
from inception_edu.course.lesson import by_seed, load_record, paired
from inception_edu.course.pictures import one_by_one
from inception_edu.models.googlenet import inception, naive_inception
from inception_edu.shorthand import branch


def test_the_pixel_becomes_what_a_convolution_of_one_pixel_computes() -> None:
    matrix, pixel = [[1, 1, 1], [1, 0, -1]], [5, 2, 1]
    out = F.conv2d(torch.tensor(pixel).reshape(1, 3, 1, 1), torch.tensor(matrix).reshape(2, 3, 1, 1)).flatten().tolist()
    picture = one_by_one.one_pixel(matrix, pixel)
    assert f"a column of 2: {', '.join(map(str, out))}." in picture.description
    assert all(f">{value}<" in picture.svg for value in (*pixel, *out))


def test_two_blocks_in_a_row_have_the_channels_that_are_traced() -> None:
    widths = {"naive": [192], "with 1x1s": [192]}
    for naive, ours in (((64, 128, 32), (64, 96, 128, 16, 32, 32)), ((128, 192, 96), (128, 128, 192, 32, 96, 64))):
        blocks = {
            "naive": naive_inception(widths["naive"][-1], *naive),
            "with 1x1s": inception(widths["with 1x1s"][-1], ours),
        }
        for name, block in blocks.items():
            widths[name].append(ie.trace(block, (widths[name][-1], 28, 28)).output.shape[0])
    picture = one_by_one.in_a_row(*widths.values())
    assert picture.description.endswith("192, 416, 832 naive and 192, 256, 480 with 1x1s.")
    assert all(f">{width}<" in picture.svg for row in widths.values() for width in row)


def test_the_price_of_each_block_is_what_is_traced() -> None:
    picture = one_by_one.price()
    naive = naive_inception(192, 64, 128, 32, batch_norm=False)
    reduced = inception(192, (64, 96, 128, 16, 32, 32), batch_norm=False)
    for block in (naive, reduced):
        assert f">{ie.trace(block, (192, 28, 28)).macs / 1e6:.0f} in all<" in picture.svg
    for name in ("1x1", "3x3", "5x5", "pool"):
        assert picture.svg.count(f">{name} branch<") == 1  # one legend for both rows


def test_the_squeeze_shows_every_seed_of_the_record() -> None:
    record = load_record("03_squeeze")
    picture = one_by_one.squeeze(record)
    for arm, cost in record["arms"].items():
        shares = by_seed(record, arm)
        mean = f"mean {100 * sum(shares) / len(shares):.1f}"
        ends = f"{100 * min(shares):.1f} to {100 * max(shares):.1f} %"
        assert f"{arm} {cost['macs'] / 1e6:.1f} million, {ends}, {mean} %" in picture.description
        assert f">{mean}<" in picture.svg


def test_the_layers_beside_the_squeeze_are_those_that_were_recorded() -> None:
    record = load_record("03_squeeze")
    words = one_by_one.squeeze(record).description
    for arm, cost in record["arms"].items():
        found = re.search(rf"{arm} [^;]+ layers of ([\d, ]+)(?: with squeezes to ([\d, ]+))?[;.]", words)
        stem, *layers = map(int, found[1].split(", "))
        items = [[(out, 3)] for out in layers]
        for item, squeezed in zip(items, (found[2] or "").split(", "), strict=False):
            if squeezed:
                item.insert(0, (int(squeezed), 1))
        blocks = {f"block_{n}": partial(_row, item) for n, item in enumerate(items, 1)}
        assert ie.trace(challenge_network(**blocks), BUDGET.image).macs == cost["macs"]
        assert stem == 24


def _row(item: list[tuple[int, int]], in_channels: int, **style: bool) -> nn.Sequential:
    return branch(in_channels, *item, **style)


def test_what_chapter_03_says_about_the_squeeze() -> None:
    record = load_record("03_squeeze")
    arms = record["arms"]
    assert 1 - arms["squeeze"]["macs"] / arms["full"]["macs"] == pytest.approx(0.71, abs=0.005)
    assert arms["squeeze"]["macs"] == pytest.approx(arms["narrow"]["macs"], rel=0.01)
    full, squeeze, narrow = (by_seed(record, arm) for arm in ("full", "squeeze", "narrow"))
    assert paired(full, squeeze).mean == pytest.approx(-0.6, abs=0.05)
    assert paired(full, squeeze).counts
    assert not paired(narrow, squeeze).counts
    assert min(full) > max(squeeze)
    assert min(full) > max(narrow)
    assert all(wide > 2 * narrow for wide, narrow in zip((48, 64, 96), record["narrow"].values(), strict=True))


def test_a_bottleneck_pays_up_to_the_width_that_the_formula_gives() -> None:
    picture = one_by_one.savings(256, {"1x1": 1, "3x3": 3, "5x5": 5})
    for kernel in (1, 3, 5):
        last = int(256 * ((1 + kernel**4) ** 0.5 - 1) / kernel**2)
        assert f"above 1 up to {last}" in picture.description
        assert f">{kernel}x{kernel}, up to {last} channels</text>" in picture.svg
    assert "3x3: 8.47 at 64 channels" in picture.description
