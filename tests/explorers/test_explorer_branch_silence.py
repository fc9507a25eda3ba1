"""The explorer of chapter 11 without a browser: shares that add up to the network's own score, drawing, refusals."""

from xml.etree import ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.data.files import asset
from inception_edu.data.text import SUBJECTS
from inception_edu.explorers import branch_silence_explorer
from inception_edu.explorers.branch_silence import BRANCHES, LENGTH, NOUNS, WIDTHS, Heard, definitions
from inception_edu.models.text import load_text


@st.composite
def settings(draw):
    first = draw(st.integers(1, LENGTH))
    last = draw(st.integers(first, LENGTH))
    out = draw(st.integers(0, LENGTH).filter(lambda n: not first == last == n))
    return Heard(draw(st.sampled_from(NOUNS)), first, last, out)


@pytest.fixture(scope="module")
def trained():
    return load_text(asset("checkpoints/text_inception.safetensors"))


def test_every_definition_has_twelve_words_and_is_recognised():
    assert sum(WIDTHS) == 80
    for noun in NOUNS:
        heard = Heard(noun)
        assert len(heard.words) == LENGTH
        assert heard.answer[0] == SUBJECTS[heard.subject]
        assert heard.answer[1] > 0.5
    assert len({label for _, label in definitions().values()}) == len(NOUNS)


@given(heard=settings())
def test_the_shares_add_up_to_the_networks_score_above_silence(trained, heard):
    net, vocabulary, _ = trained
    kept = " ".join(heard.words[i] for i in heard.kept)
    with torch.no_grad():
        whole, silence = net(vocabulary.numbers([kept, ""]))[:, heard.subject]
    assert float(heard.shares.sum()) == pytest.approx(float(whole - silence), abs=1e-3)
    gone = [i for i in range(LENGTH) if i not in heard.kept]
    assert not heard.shares[:, gone].any()


@given(heard=settings())
def test_every_setting_draws(heard):
    html = heard.view()
    ET.fromstring(f"<div>{html}</div>")
    assert html.count("(deleted)") == LENGTH - len(heard.kept)
    assert all(f">{total:+.1f}<" in html for total in heard.totals)


def test_the_word_after_someone_carries_the_bar_of_the_pool_at_someone():
    son = Heard("foster-son")
    pool = BRANCHES.index("pool, 1x1")
    assert max(son.totals) == son.totals[pool]
    assert son.words[int(son.shares[pool].argmax())] == "someone"
    left = {word: Heard("foster-son", out=n).totals[pool] for n, word in enumerate(son.words, 1)}
    assert min(left, key=lambda word: left[word]) == "who"
    assert [f"{each:+.1f}" for each in (son.totals[pool], left["who"], left["someone"])] == ["+5.7", "+0.1", "+3.2"]


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"first": 8, "last": 5}, "word 8 comes after word 5"),
        ({"first": 4, "last": 4, "out": 4}, "leaving it out leaves nothing"),
        ({"last": 13}, "Last word kept must be a whole number from 1 to 12, not 13"),
        ({"out": -1}, "Word left out, 0 for none must be a whole number from 0 to 12, not -1"),
        ({"noun": "chair"}, "Definition of must be one of .* not 'chair'"),
    ],
)
def test_what_cannot_be_heard_is_refused_with_the_reason(setting, words):
    with pytest.raises(ValueError, match=words):
        Heard(**setting)


def test_the_panel_follows_its_values_and_compares_with_a_pinned_setting():
    panel = branch_silence_explorer()
    assert panel.sentence == Heard().sentence()
    panel.values = {**panel.values, "first": 4}
    assert panel.sentence == Heard(first=4).sentence()
    panel.pinned = {"noun": NOUNS[0], "first": 1, "last": LENGTH, "out": 0}
    assert "Compared with the pinned setting" in panel.html
    panel.values = {**panel.values, "noun": NOUNS[3]}
    assert "Compared with the pinned setting" not in panel.html
    panel.values = {**panel.values, "first": 9, "last": 2}
    assert "This setting is not possible: word 9 comes after word 2" in panel.html
