"""The family map without a browser."""

import re
from html import escape
from itertools import product
from xml.etree import ElementTree as ET

import pytest

from inception_edu.explorers.family_map import KINDS, MYSTERIES, NAMES, FamilyMap, family_map_explorer, mystery
from inception_edu.explorers.settings import page
from inception_edu.family import FAMILY


@pytest.mark.parametrize(("block", "answer"), list(product(MYSTERIES, ("not yet", *KINDS))))
def test_every_answer_gets_its_own_words_and_only_the_right_one_is_confirmed(block, answer):
    shown = FamilyMap("nin_cifar10", block, answer)
    sentence = shown.sentence()
    if answer == "not yet":
        assert shown.right is None
        assert sentence.endswith(f"What is block {block}?")
    else:
        assert shown.right == (MYSTERIES[block] == answer)
        assert (f"Block {block} is from {answer}" in sentence) == shown.right
        assert KINDS[answer] in sentence


@pytest.mark.parametrize("network", NAMES)
def test_every_network_stands_on_the_map_with_its_figures(network):
    html = page(FamilyMap(network))
    entry = FAMILY[network]
    assert f"{entry.params:,} parameters, {entry.macs:,} MACs" in html
    assert all(escape(result.setting) in html for result in entry.published)
    picture = ET.fromstring(re.search(r"<svg.*?</svg>", html, re.DOTALL)[0])
    marks = [e for e in picture.iter() if e.tag.endswith(("circle", "rect"))]
    assert len(marks) == len(FAMILY)
    for mark in marks:
        x = float(mark.get("cx") or float(mark.get("x")) + float(mark.get("width")) / 2)
        y = float(mark.get("cy") or float(mark.get("y")) + float(mark.get("height")) / 2)
        assert 60 <= x <= 580
        assert 30 <= y <= 250


def test_a_mystery_block_does_not_tell_its_name_but_shows_its_mark():
    words = {letter: "".join(node.name for node in mystery(letter).walk()) for letter in MYSTERIES}
    assert not [letter for letter, name in words.items() if re.search("v3|resnet|bn|google", name, re.IGNORECASE)]
    parts = {
        letter: [part for node in mystery(letter).walk() for part in node.module.modules()] for letter in MYSTERIES
    }
    kernels = {letter: {getattr(part, "kernel_size", None) for part in parts[letter]} for letter in MYSTERIES}
    assert (5, 5) not in kernels["A"]
    assert {(1, 7), (7, 1)} <= kernels["B"] & kernels["C"]


def test_answers_that_are_not_there_are_refused():
    with pytest.raises(ValueError, match=r"Your answer must be one of not yet, GoogLeNet, .* not 6"):
        FamilyMap(answer=6)


def test_the_panel_follows_its_lists():
    panel = family_map_explorer()
    assert "What is block A?" in panel.sentence
    panel.values = {"network": NAMES[5], "block": "C", "answer": "Inception-ResNet"}
    assert "Block C is from Inception-ResNet" in panel.sentence
    assert NAMES[5] in panel.html
    panel.pinned = dict(panel.values)
    panel.values = {"network": NAMES[6], "block": "C", "answer": "Inception-ResNet"}
    assert f"Compared with the pinned {NAMES[5]}" in panel.html
