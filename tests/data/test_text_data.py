"""The glosses: what ships is what is promised, and everything that turns text into numbers."""

import gzip

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.data.files import asset
from inception_edu.data.text import (
    FILE_HEAD,
    LENGTH,
    PAD,
    SUBJECTS,
    UNKNOWN,
    Texts,
    Vocabulary,
    load_glosses,
    ngrams,
    shuffled,
    tokens,
)

WORDS = st.text(alphabet="abcd '-,;12", max_size=40)


def texts(*written):
    return Texts(("x",) * len(written), written, torch.zeros(len(written), dtype=torch.int64))


@pytest.mark.parametrize(("split", "count"), [("train", 3000), ("valid", 1000), ("test", 3000)])
def test_each_split_has_as_many_of_every_subject_and_so_has_its_beginning(split, count):
    data = load_glosses(split)
    assert len(data) == count
    assert torch.equal(torch.bincount(data.labels), torch.full((10,), count // 10))
    assert torch.equal(torch.bincount(data[:100].labels), torch.full((10,), 10))
    assert data.class_names == SUBJECTS


def test_no_gloss_occurs_twice_in_any_split():
    everything = [" ".join(tokens(t)) for split in ("train", "valid", "test") for t in load_glosses(split).texts]
    assert len(everything) == len(set(everything)) == 7000
    assert all(4 <= len(gloss.split()) <= LENGTH for gloss in everything)
    assert not [gloss for split in ("train", "test") for gloss in load_glosses(split).texts if '"' in gloss]


def test_the_licence_ships_beside_the_glosses():
    licence = asset("text/LICENSE").read_text()
    assert "WordNet 3.0 Copyright 2006 by Princeton University" in licence
    assert "Permission to use, copy, modify and distribute this software and" in licence


def test_a_known_gloss_has_its_subject():
    data = load_glosses("test")
    where = data.words.index("propanol")
    assert data.texts[where] == "a clear colorless volatile liquid (alcohol) used as a solvent and antiseptic"
    assert SUBJECTS[data.labels[where]] == "substance"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not gzip", "is damaged"),
        (gzip.compress(b"something else\n"), "is not a file of glosses"),
        (gzip.compress(f"{FILE_HEAD}\ntrain\tanimal\tcat\n".encode()), "line 2: expected a split"),
        (gzip.compress(f"{FILE_HEAD}\ntrain\tmineral\tgold\ta metal\n".encode()), "line 2: expected a split"),
        (gzip.compress(FILE_HEAD.encode())[:20], "is damaged"),
    ],
    # A gzip file holds the time it was made at, and a test's name must be the same in every process.
    ids=["not gzip", "other text", "too few columns", "unknown subject", "cut off"],
)
def test_a_damaged_file_is_refused_with_the_reason(tmp_path, content, words):
    path = tmp_path / "glosses.tsv.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        load_glosses("train", path)


def test_a_missing_file_and_another_split_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_glosses("train", tmp_path / "none.gz")
    with pytest.raises(ValueError, match="must be 'train', 'valid' or 'test', not 'dev'"):
        load_glosses("dev")


def test_tokens_are_words_in_lower_case_and_numbers():
    assert tokens("(chess) a Piece; e.g. C3H5, the Queen's") == [
        "chess",
        "a",
        "piece",
        "e",
        "g",
        "c",
        "3",
        "h",
        "5",
        *["the", "queen", "s"],
    ]


def test_some_of_the_texts_by_slice_mask_and_list():
    data = load_glosses("valid")
    assert data[:20].texts == data.texts[:20]
    assert data[[3, 1]].words == (data.words[3], data.words[1])
    foods = data[data.labels == SUBJECTS.index("food")]
    assert len(foods) == 100
    assert set(foods.labels.tolist()) == {5}


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(0, 9))
def test_shuffling_keeps_the_bag_of_words_and_nothing_else_of_the_order(written, seed):
    mixed = shuffled(texts(*written), seed)
    assert [sorted(tokens(text)) for text in mixed.texts] == [sorted(tokens(text)) for text in written]
    assert mixed.texts == shuffled(texts(*written), seed).texts


def test_shuffling_does_change_the_order():
    data = load_glosses("test")
    changed = [tokens(a) != tokens(b) for a, b in zip(data.texts, shuffled(data).texts, strict=True)]
    assert sum(changed) > 0.95 * len(data)


def test_a_vocabulary_counts_in_the_texts_it_learns_from():
    vocabulary = Vocabulary.of(["a cat and a dog", "a dog", "one mouse"])
    assert vocabulary.words == ("a", "dog")
    assert len(vocabulary) == 4
    assert vocabulary.numbers(["A dog saw a cat"], 7).tolist() == [[2, 3, UNKNOWN, 2, UNKNOWN, PAD, PAD]]
    assert vocabulary.numbers(["a a a a"], 2).tolist() == [[2, 2]]
    assert len(Vocabulary.of(["b a"], min_count=1)) == 4


@given(st.lists(WORDS, min_size=1, max_size=5), st.integers(1, 30))
def test_rows_of_numbers_have_their_length_and_stay_in_the_vocabulary(written, length):
    vocabulary = Vocabulary.of(written)
    numbers = vocabulary.encode(texts(*written), length).images
    assert numbers.shape == (len(written), length)
    assert 0 <= int(numbers.min()) <= int(numbers.max()) < len(vocabulary)


@given(WORDS, st.integers(1, 3), st.integers(1, 100))
def test_ngrams_are_the_distinct_runs_in_their_buckets(written, n, buckets):
    words = tokens(written)
    runs = {tuple(words[i : i + k]) for k in range(1, n + 1) for i in range(len(words) - k + 1)}
    row = ngrams(texts(written), n, buckets, length=200).images[0]
    assert int((row != PAD).sum()) == len(runs)
    assert 0 <= int(row.min()) <= int(row.max()) <= buckets


def test_single_words_do_not_feel_the_order_and_pairs_do():
    one, other = texts("the dog bites the man"), texts("the man bites the dog")
    assert sorted(ngrams(one, 1).images[0].tolist()) == sorted(ngrams(other, 1).images[0].tolist())
    assert sorted(ngrams(one, 2).images[0].tolist()) != sorted(ngrams(other, 2).images[0].tolist())
    with pytest.raises(ValueError, match="both must be at least 1"):
        ngrams(one, 0)
