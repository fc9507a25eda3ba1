"""Verification of pairs: the pairs, the ROC curve and the threshold, against definitions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inception_edu.course.challenge import challenge_network
from inception_edu.course.pairs import best_threshold, embed, likeness, pairs_of, roc, roc_area
from inception_edu.data.fashion import load_fashion

JUDGED = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=40).filter(
    lambda pairs: len({same for _, same in pairs}) == 2
)


def split(judged):
    return torch.tensor([float(s) for s, _ in judged]), torch.tensor([same for _, same in judged])


@given(st.lists(st.integers(0, 4), min_size=10, max_size=60), st.integers(1, 50), st.integers(0, 5))
def test_pairs_are_half_of_the_same_class_and_never_of_one_image(labels, count, seed):
    labels = torch.tensor([*labels, 5, 5, 6, 6])
    first, second, same = pairs_of(labels, count, seed=seed)
    assert len(first) == 2 * count
    assert int(same.sum()) == count
    assert torch.equal(labels[first] == labels[second], same)
    assert bool((first != second).all())


def test_pairs_need_two_classes():
    with pytest.raises(ValueError, match="at least two classes"):
        pairs_of(torch.tensor([0, 0, 1]), 3)


@given(JUDGED)
def test_the_curve_counts_what_each_threshold_accepts(judged):
    scores, same = split(judged)
    false, true = roc(scores, same)
    points = {(0.0, 0.0)}
    for threshold in scores.unique():
        accepted = scores >= threshold
        points.add(
            ((accepted & ~same).sum().item() / (~same).sum().item(), (accepted & same).sum().item() / same.sum().item())
        )
    assert {(round(f, 9), round(t, 9)) for f, t in zip(false.tolist(), true.tolist(), strict=True)} == {
        (round(f, 9), round(t, 9)) for f, t in points
    }


@given(JUDGED)
def test_the_area_is_how_often_a_same_pair_scores_above_a_different_one(judged):
    scores, same = split(judged)
    above = scores[same][:, None] - scores[~same][None, :]
    assert roc_area(scores, same) == pytest.approx(((above > 0).double() + (above == 0).double() / 2).mean().item())


@given(st.permutations(range(12)), st.lists(st.booleans(), min_size=12, max_size=12).filter(any))
def test_no_threshold_judges_more_of_these_pairs_rightly(order, same):
    scores, same = torch.tensor([float(i) for i in order]), torch.tensor(same)
    best = ((scores >= best_threshold(scores, same)) == same).sum()
    assert all(((scores >= t) == same).sum() <= best for t in scores)


def test_one_kind_makes_no_curve():
    with pytest.raises(ValueError, match="needs pairs of the same kind and of different kinds"):
        roc(torch.tensor([1.0, 2.0]), torch.tensor([True, True]))


def test_embeddings_have_length_one_and_an_image_is_like_itself():
    net, data = challenge_network(), load_fashion("test")[:40]
    vectors = embed(net, data.images)
    assert vectors.shape == (40, 96)
    assert torch.allclose(vectors.norm(dim=1), torch.ones(40), atol=1e-5)
    assert net.training
    pairs = pairs_of(data.labels, 10)
    scores = likeness(vectors, pairs)
    assert float(scores.max()) <= 1 + 1e-5
    assert torch.allclose(likeness(vectors, pairs._replace(second=pairs.first)), torch.ones(20), atol=1e-5)
