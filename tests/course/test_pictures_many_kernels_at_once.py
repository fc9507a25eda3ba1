"""Chapter 02's pictures: what they draw is what their descriptions say."""

import re

import pytest
import torch

import inception_edu as ie
from inception_edu.course.pictures import many_kernels_at_once as pictures
from inception_edu.course.records import by_seed, load_record
from inception_edu.models.googlenet import naive_inception


def test_the_row_of_blocks_is_what_was_traced():
    blocks = [ie.trace(naive_inception(c, 64, 128, 32, batch_norm=False), (c, 28, 28)) for c in (192, 416)]
    picture = pictures.growth(blocks)
    assert "block 1 416 channels and 303 million MACs; block 2 640 channels and 658 million MACs" in picture.description
    assert picture.svg.count(">1x1<") == 1  # one legend for both halves


def test_the_bars_are_the_means_of_the_record():
    record = load_record("02_windows")
    words = pictures.right_by_kind(record, {"9x9": "nine of 9x9"}).description
    for kind in ("small", "large"):
        shares = by_seed(record, "9x9", kind)
        (said,) = re.findall(rf"(\d+) % of the {kind} ones", words)
        assert int(said) == round(100 * sum(shares) / len(shares))


def test_sorting_keeps_every_connection():
    picture = pictures.dense_parts()
    dots = re.findall(r"fill: (#[0-9a-f]{6})", picture.svg)
    tables = {pictures.BLUE: 9 * 4, pictures.GREEN: 3 * 16, pictures.ORANGE: 36 + 64}
    maps = {pictures.BLUE: 5 * 1, pictures.GREEN: 2 * 9, pictures.ORANGE: 25}
    labels = 1  # one word in each colour
    seen = {colour: dots.count(colour.lower()) for colour in tables}
    assert seen == {colour: 2 * (tables[colour] + maps[colour]) + labels for colour in tables}


def test_a_block_has_four_branches_to_show():
    assert "the pool" in pictures.what_each_branch_sees(torch.rand(1, 4, 8, 8)).description
    with pytest.raises(ValueError, match="zip"):
        pictures.what_each_branch_sees(torch.rand(1, 3, 8, 8))
