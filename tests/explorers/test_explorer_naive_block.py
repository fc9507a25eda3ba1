"""The naive block explorer without a browser."""

import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import inception_edu as ie
from inception_edu.explorers.naive_block import NaiveBlock
from inception_edu.explorers.settings import page
from inception_edu.models.googlenet import naive_inception
from inception_edu.show.palette import BRANCHES


def test_3a_made_naive_adds_224_channels_a_block_and_passes_1000_after_the_fourth():
    block = NaiveBlock()
    assert block.channels == [192, 416, 640, 864, 1088]
    assert block.blocks_to_pass(1000) == 4
    assert block.blocks_to_pass(191) == 0
    assert block.sentence().startswith("192 to 1,088 channels after 4 blocks")


@given(st.lists(st.integers(1, 60), min_size=4, max_size=4), st.integers(1, 9), st.integers(1, 3))
def test_a_row_costs_what_the_row_really_built_costs(widths, grid, blocks):
    row = NaiveBlock(*widths, grid=grid, blocks=blocks)
    with torch.device("meta"):
        built = nn.Sequential(*(naive_inception(c, *widths[1:], batch_norm=False) for c in row.channels[:-1]))
    node = ie.trace(built, (widths[0], grid, grid))
    assert [child.macs for child in node.children] == row.macs
    assert [child.output.channels for child in node.children] == row.channels[1:]
    assert all(b - a == row.growth for a, b in pairwise(row.channels))


def test_no_column_gives_the_pool_no_memory_for_the_channels_that_it_passes_on():
    html = page(NaiveBlock(), NaiveBlock(n5x5=64))
    assert "MACs" in html
    assert "activations" not in html


def test_the_view_shows_every_number_and_is_well_formed():
    html = page(NaiveBlock(), NaiveBlock(n5x5=64))
    for number in ("416", "640", "864", "1,088", f"{NaiveBlock().node.macs:,}", "Compared with the pinned first block"):
        assert number in html
    for drawing in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(drawing)


def test_a_setting_that_cannot_exist_is_refused():
    with pytest.raises(ValueError, match="#3x3 must be a whole number from 1 to 512, not 0"):
        NaiveBlock(n3x3=0)
    with pytest.raises(ValueError, match="Blocks in a row must be a whole number from 1 to 12, not 1000000000"):
        NaiveBlock(blocks=1_000_000_000)


def test_one_block_is_no_plural():
    assert "416 channels after 1 block;" in NaiveBlock(blocks=1).sentence()


def test_the_bars_have_a_key_and_a_piece_for_each_branch():
    row = NaiveBlock(blocks=2)._row()
    for words, colour in zip(
        ("passed on by the pool", "new, 1x1", "new, 3x3", "new, 5x5"), BRANCHES.values(), strict=True
    ):
        assert row.count(f">{words}<") == 1
        assert row.count(f'fill="{colour}"') == 3  # the key, and a bar after each block
    widths = [float(width) for width in re.findall(r'<rect[^>]* width="([\d.]+)"', row)[4:]]
    scale = 440 / 640
    assert widths == pytest.approx([c * scale for c in (192, 192, 64, 128, 32, 416, 64, 128, 32)], abs=0.06)
