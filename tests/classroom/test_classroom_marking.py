import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.classroom import check, checking
from inception_edu.classroom.checking import marking
from inception_edu.classroom.checking.anatomy import anatomy, rebuilt
from inception_edu.classroom.checking.evidence import depth, facts, figures, gather, plain, probe, recomputed
from inception_edu.classroom.checking.marking import EVIDENCE, holds, mark, seal, tally
from inception_edu.classroom.keys import Answer, Builds, Computes, Designs
from inception_edu.classroom.sealing import KeyMismatchError, expectations
from inception_edu.shorthand import branch
from inception_edu.tracing import trace


class Liar:
    """Equal to everything, and every number."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __repr__(self):
        return "42"


@pytest.fixture
def classroom(monkeypatch):
    """Puts tasks in the place of those that ship: `classroom(name=(key, answer))` gives the hidden halves."""
    from inception_edu.classroom.sealing import _expect

    def install(**keyed):
        halves = {name: _expect(key, answer, f"99.{name}") for name, (key, answer) in keyed.items()}
        shown = json.loads(json.dumps({name: half[0] for name, half in halves.items()}))
        monkeypatch.setattr(marking, "tasks", lambda chapter: shown)
        return json.loads(json.dumps({name: half[1] for name, half in halves.items()}))

    return install


def told(result):
    return [line.text for line in result.lines]


# ---- evidence ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (3, 3),
        (2.5, 2.5),
        (True, True),
        ((1, [2, "x"]), [1, [2, "x"]]),
        ({"a": torch.tensor(3)}, {"a": 3}),
        (np.float64(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        (float("nan"), "nan"),
        (torch.Size([2, 3]), [2, 3]),
    ],
)
def test_plain_values_are_kept(value, kept) -> None:
    assert plain(value) == kept
    json.dumps(plain(value))


@pytest.mark.parametrize("value", [Liar(), [Liar()], object(), nn.ReLU(), 3j])
def test_objects_are_no_evidence(value) -> None:
    with pytest.raises(TypeError, match=r"this should be a number, text or a list of them, not an? "):
        plain(value)


def test_evidence_is_bounded() -> None:
    endless = []
    endless.append(endless)
    for flood in (list(range(20_000)), endless, "x" * 10**7):
        (found,) = gather("answer", flood, [None])
        assert len(json.dumps(found)) < 2_000


@given(st.lists(st.floats(-10, 10), min_size=2, max_size=12))
def test_a_summary_tells_tensors_apart(values) -> None:
    tensor = torch.tensor(values, dtype=torch.float64)
    rounded = facts(tensor * (1 + 1e-9))
    assert holds(seal(facts(tensor), "s"), rounded, "s")
    changed = tensor.clone()
    changed[0] += 1
    assert not holds(seal(facts(tensor), "s"), facts(changed), "s")


def test_equal_modules_give_equal_numbers_and_others_do_not() -> None:
    def net(relu=True, kernel=3):
        return Concat(ConvUnit(3, 4, 1), Residual(ConvUnit(3, 3, kernel, relu=relu), scale=0.5))

    class Forgetful(Concat):
        def forward(self, x):
            return super().forward(x) * 2

    shape = (3, 5, 5)
    expected = seal(probe(net(), shape), "s")
    assert holds(expected, probe(nn.Sequential(net()), shape), "s")
    for other in (net(relu=False), Forgetful(*net())):
        assert not holds(expected, probe(other, shape), "s")


def test_a_probe_leaves_the_module_as_it_was() -> None:
    module = ConvUnit(3, 4, 3)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    probe(module, (3, 5, 5))
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_depth_counts_the_longest_path_or_the_shortest() -> None:
    module = nn.Sequential(ConvUnit(3, 4, 3), Concat(branch(4, (2, 1)), branch(4, (2, 1), (3, 3))), nn.ReLU())
    assert depth(trace(module, (3, 8, 8))) == 3
    assert depth(trace(Residual(ConvUnit(3, 3, 3)), (3, 8, 8))) == 1
    assert depth(trace(module, (3, 8, 8)), min) == 2
    assert depth(trace(Residual(ConvUnit(3, 3, 3)), (3, 8, 8)), min) == 0


# ---- digests -------------------------------------------------------------------------------------


@given(st.floats(1e-6, 1e6))
def test_a_number_holds_against_its_own_rounding_noise(value) -> None:
    sealed = seal(value, "s")
    for noise in (0, 1e-12, -1e-12):
        assert holds(sealed, value * (1 + noise), "s")
    assert not holds(sealed, value * 1.001, "s")


def test_kinds_of_values_are_not_confused() -> None:
    assert holds(seal(3, "s"), 3.0, "s")
    assert holds(seal("Max Pool", "s"), " max  pool", "s")
    for a, b in ((1, True), (0, None), (3, "3.0"), ([1], 1), ({"a": 1}, [1])):
        assert not holds(seal(a, "s"), b, "s")
    assert not holds(seal(3, "s"), 3, "another exercise")


def test_a_tally_counts_what_is_right_and_what_is_too_much() -> None:
    sealed = seal([1, 2, 3], "s")
    assert tally(sealed, [1, 9, 3], "s") == (2, 3)
    assert tally(sealed, [1, 2], "s") == (2, 3)
    assert tally(sealed, [1, 2, 3, 4], "s") == (3, 4)


# ---- marks ---------------------------------------------------------------------------------------


def test_an_answer_is_known_by_its_misconception(classroom) -> None:
    key = Answer(points=2, slips={9: "This counts a bias."}, ask="How many inputs?", twin="A twin.")
    classroom(one=(key, 8))
    assert mark("99.one", [8]) == 2
    assert told(mark("99.one", [9])) == ["This counts a bias.", "A twin."]
    assert told(mark("99.one", [7])) == ["How many inputs?", "A twin."]
    assert told(mark("99.one", [None])) == ["not answered yet"]
    assert mark("99.one", [9]) == mark("99.one", [7]) == 0


def test_lists_and_dicts_earn_their_parts(classroom) -> None:
    key = Answer(points=3, slips={"b": {5: "This is doubled."}})
    classroom(parts=(key, {"a": 1, "b": 2, "c": 3}), row=(Answer(points=3), [1, 2, 3]))
    result = mark("99.parts", [{"a": 1, "b": 5}])
    assert result == 1
    assert told(result) == ["a", "b: This is doubled.", "c: not answered yet"]
    assert told(mark("99.row", [[1, 5, 6]])) == ["these entries are not right: 2, 3"]
    assert mark("99.row", [[1, 5, 6]]) == 1
    assert told(mark("99.row", [4])) == ["this should be a list of 3 entries"]
    assert told(mark("99.parts", [[1, 2, 3]])) == ["this should be a dict with the keys 'a', 'b', 'c'"]


@pytest.mark.parametrize(("truth", "rounded"), [(4.23333, 4.23), (-0.0123456, -0.0123), (0.27449, 0.27)])
def test_a_rounded_number_is_told_apart_from_a_wrong_one(classroom, truth, rounded) -> None:
    slips = {round(truth, 1): "Too coarse."} if round(truth, 1) else {}
    classroom(one=(Answer(points=1, digits=5, ask="How?", slips=slips), truth))
    for number, line in ((rounded, "right, but rounded: give at least 5 digits"), (1.02 * rounded, "How?")):
        assert told(mark("99.one", [number])) == [line]
        assert mark("99.one", [number]) == 0
    if slips:  # a number that is a known mistake is one, even where the right one rounds to it
        assert told(mark("99.one", [round(truth, 1)])) == ["Too coarse."]


def test_a_function_that_rounds_is_told_so(classroom) -> None:
    classroom(one=(Computes(points=1, shown=[(3,)], hidden=[], ask="How?"), lambda n: n / 7))
    assert told(mark("99.one", [0.43])) == ["for 3: right, but rounded: give at least 4 digits", "How?"]
    assert told(mark("99.one", [0.44])) == ["for 3: 0.44 is not right", "How?"]


def test_what_is_nearly_an_answer_is_told_what_is_in_the_way(classroom) -> None:
    classroom(
        number=(Answer(points=1, ask="How many?"), 1_024_000),
        parts=(Answer(points=2), {"per position": 1, "layer": 2}),
        row=(Answer(points=1), [1, 2, 3]),
        share=(Answer(points=1, digits=4), 12 / 56),
        doubles=(Computes(points=1, shown=[(2,)], hidden=[]), lambda a: [a, a]),
    )
    for row in ([1_024_000], torch.tensor([1_024_000.0])):
        assert told(mark("99.number", gather("answer", row, [None]))) == [
            "this should be a single value, not a list or a tensor"
        ]
    for text in ("1 024 000", "1,024,000", "1_024_000"):
        assert told(mark("99.number", [text])) == [f"{text!r} is text: write the number itself, 1024000"]
    assert told(mark("99.share", ["12 / 56"])) == ["'12 / 56' is text: write the number itself, 12/56"]
    for text in ("about 3", "3/0", "3/"):
        assert "How many?" in told(mark("99.number", [text]))
    assert told(mark("99.share", [21.43])) == ["21.43 is in percent: give a share between 0 and 1"]
    typo = mark("99.parts", [{"per positon": 1, "layer": 2}])
    assert typo == 1
    assert "there is no key 'per positon': did you mean 'per position'?" in told(typo)
    assert mark("99.row", gather("answer", torch.tensor([1, 2, 3]), [None])) == 1
    assert mark("99.row", gather("answer", [torch.tensor(1), 2, torch.tensor(3.0)], [None])) == 1
    nothing = mark("99.doubles", gather("computes", lambda a: None, [(2,)]))
    assert told(nothing) == ["not answered yet: it returns nothing"]


def test_where_no_tensor_is_asked_for_one_of_numbers_is_a_list_of_them(classroom) -> None:
    numbers, maps = Computes(points=1, shown=[(2,)], hidden=[(3,)]), Computes(points=1, shown=[(2,)], hidden=[])
    hidden = classroom(
        rows=(numbers, lambda a: [[a, 0.1], [a]]), parts=(maps, lambda a: {"output": torch.full((2,), 0.1), "a": a})
    )["rows"]

    def marked(answer):
        return mark("99.rows", marking.evidence_for(marking.task("99.rows"), answer, [(2,), (3,)]), hidden)

    assert marked(lambda a: (torch.tensor([a, 0.1]), torch.tensor([float(a)]))) == 1
    assert told(marked(lambda a: torch.full((2, 1), a))) == ["for 2: [[2], [2]] is not right"]
    parts = marking.task("99.parts")  # a tensor that is asked for stays one
    for answer in (
        lambda a: {"output": torch.full((2,), 0.1), "a": torch.tensor(a)},
        lambda a: {"output": [0.1] * 2, "a": a},
    ):
        tensor = isinstance(answer(2)["output"], torch.Tensor)
        assert mark("99.parts", marking.evidence_for(parts, answer, [(2,)])) == tensor


def test_a_list_in_place_of_a_tensor_is_named(classroom) -> None:
    key = Computes(points=1, shown=[[{"tensor": [2, 3], "seed": 0}]], hidden=[])
    classroom(twice=(key, lambda x: 2 * x))
    result = mark("99.twice", gather("computes", lambda x: (2 * x).tolist(), key.shown))
    assert told(result) == ["for a tensor of 2x3: this should be a tensor, not a list"]


def test_a_number_or_a_row_may_be_written_in_another_way(classroom) -> None:
    classroom(parts=(Answer(points=2), {"share": 0.25, "places": [1, 5, 8]}))
    for share, places in ((Fraction(1, 4), {8, 1, 5}), (Decimal("0.25"), torch.tensor([1, 5, 8]))):
        assert mark("99.parts", gather("answer", {"share": share, "places": places}, [None])) == 2


def test_a_function_may_have_a_question_for_each_symptom(classroom) -> None:
    ask = {"a": "Where does it start?", "b": "Where does it end?"}
    key = Computes(points=2, shown=[("a", 1), ("b", 1)], hidden=[], ask=ask)
    classroom(symptoms=(key, lambda what, seed: what))
    given = gather("computes", lambda what, seed: "a", key.shown)
    assert told(mark("99.symptoms", given)) == ["for 'a', 1", "for 'b', 1: 'a' is not right", "Where does it end?"]


def test_a_function_is_tried_with_hidden_numbers_too(classroom) -> None:
    slip = "This is twice the area."
    key = Computes(points=4, shown=[(2, 3)], hidden=[(4, 5), (7, 1), (2, 2)], slips={slip: lambda a, b: 2 * a * b})
    hidden = classroom(area=(key, lambda a, b: a * b))["area"]
    settings = [*key.shown, *key.hidden]
    assert mark("99.area", gather("computes", lambda a, b: a * b, settings), hidden) == 4
    assert told(mark("99.area", gather("computes", lambda a, b: 2 * a * b, settings), hidden)) == [slip]
    result = mark("99.area", gather("computes", lambda a, b: 6, settings), hidden)
    assert result == 1
    assert "right for the values shown here" in told(result)
    raised = mark("99.area", gather("computes", lambda a, b: a // 0, settings), hidden)
    assert "for 2, 3: ZeroDivisionError" in told(raised)[0]
    assert mark("99.area", gather("computes", lambda a, b: 6, key.shown)) == 4  # at home nothing is hidden


def test_an_error_that_every_setting_raises_is_quoted_once(classroom) -> None:
    key = Computes(points=2, shown=[(1,), (2,), (3,)], hidden=[])
    classroom(root=(key, lambda a: a))
    quoted = told(mark("99.root", gather("computes", lambda a: [][a if a < 3 else "x"], key.shown)))
    assert quoted[0].startswith("for 1: IndexError: list index")
    assert quoted[1] == "for 2: the same error"
    assert quoted[2].startswith("for 3: TypeError")


def test_a_function_that_changes_its_arguments_leaves_the_settings_alone(classroom) -> None:
    def doubled(row):
        row[0] *= 2
        return row[0]

    classroom(doubled=(Computes(points=1, shown=[([3],)], hidden=[]), lambda row: 2 * row[0]))
    assert [float(check("99.doubled", doubled)) for _ in range(2)] == [1, 1]


def test_without_partial_only_the_whole_counts(classroom) -> None:
    key = Computes(points=4, shown=[(2,), (3,)], hidden=[(4,)], partial=False)
    hidden = classroom(bug=(key, lambda a: a * a))["bug"]
    settings = [*key.shown, *key.hidden]
    assert mark("99.bug", gather("computes", lambda a: 9 if a == 3 else 2 * a, settings), hidden) == 0
    assert mark("99.bug", gather("computes", lambda a: a * a, settings), hidden) == 4


def test_a_module_is_compared_box_by_box(classroom) -> None:
    key = Builds(
        points=2,
        shown=[((8, 4), (8, 6, 6))],
        hidden=[((5, 3), (5, 7, 4))],
        slips={"Both ends are exchanged.": lambda c, m: branch(c, (c, 1), (m, 3))},
    )
    hidden = classroom(block=(key, lambda c, m: branch(c, (m, 1), (c, 3))))["block"]
    settings = [*key.shown, *key.hidden]

    def given(builder):
        return mark("99.block", gather("builds", builder, settings), hidden)

    assert given(lambda c, m: nn.Sequential(ConvUnit(c, m, 1), ConvUnit(m, c, 3))) == 2
    assert told(given(lambda c, m: branch(c, (c, 1), (m, 3))))[0] == "Both ends are exchanged."
    half = given(lambda c, m: branch(c, (m, 1), (c, 5)))
    assert half == 1.25
    assert told(half)[0] == (
        "box 2: expected a 3x3 convolution with 8 channels and padding 1, yours has a 5x5 window, padding 2; "
        "the rest is right"
    )
    fixed = given(lambda c, m: branch(c, (4, 1), (c, 3)))
    assert fixed == 1.75
    assert "right for the values shown here" in told(fixed)
    assert told(given(lambda c, m: branch(c + 1, (m, 1), (c, 3))))[0].startswith("ShapeError")
    assert "this should be a module, not an int" in told(given(lambda c, m: 3))[0]
    assert told(given(lambda c, m: None)) == ["not answered yet: it returns nothing"]


def test_one_slip_in_every_box_is_not_told_ten_times(classroom) -> None:
    setting = [((), (4, 6, 6))]
    boxes = [(4, 1)] * 10
    classroom(row=(Builds(points=2, shown=setting), branch(4, *boxes)))
    lines = told(mark("99.row", gather("builds", branch(4, *boxes, batch_norm=False), setting)))
    assert lines[0].startswith("box 1: expected ")
    assert lines[5:] == ["and 5 more places"]


def test_the_mean_of_whole_maps_may_be_a_pool_of_their_size(classroom) -> None:
    def net(pool):
        return nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), pool, nn.Flatten())

    classroom(net=(Builds(points=1, shown=[((), (2, 8, 8))]), lambda: net(nn.AdaptiveAvgPool2d(1))))
    for pool, full in ((nn.AvgPool2d(6), 1), (nn.AvgPool2d(5), None), (nn.MaxPool2d(6), None)):
        result = mark("99.net", gather("builds", lambda pool=pool: net(pool), [((), (2, 8, 8))]))
        assert result == full if full else result < 1


def test_a_recognised_misconception_has_a_cap_of_its_own(classroom) -> None:
    def row(*kernels):
        return branch(8, *((8, kernel) for kernel in kernels))

    key = Builds(points=4, shown=[((), (8, 6, 6))], slips={"The last window is too large.": lambda: row(3, 3, 3, 5)})
    classroom(net=(key, lambda: row(3, 3, 3, 3)))
    slip = mark("99.net", gather("builds", lambda: row(3, 3, 3, 5), key.shown))
    other = mark("99.net", gather("builds", lambda: row(5, 3, 3, 3), key.shown))
    assert (slip, other) == (2, 3)
    assert told(slip)[0] == "The last window is too large."
    assert told(slip)[-1] == "an answer with this misconception earns half the points"


def test_feedback_on_a_module_to_be_worked_out_says_what_is_wrong_and_not_what_is_right(classroom) -> None:
    key = Builds(points=2, shown=[((), (8, 6, 6))], tell=False)
    classroom(block=(key, lambda: branch(8, (4, 1), (8, 3))))
    result = mark("99.block", gather("builds", lambda: branch(8, (4, 1), (8, 5)), key.shown))
    assert told(result) == ["box 2: yours is a convolution that is wrong in its window and padding; the rest is right"]


def test_a_bug_to_be_found_is_told_by_the_shape_that_comes_out_and_not_by_its_place(classroom) -> None:
    key = Builds(points=2, shown=[((), (8, 6, 6))], partial=False)
    classroom(block=(key, lambda: branch(8, (4, 1), (8, 3))))
    result = mark("99.block", gather("builds", lambda: branch(8, (4, 1), (8, 3, 2)), key.shown))
    assert told(result) == [
        "it is not fixed yet: 1 of 2 boxes are right",
        "it outputs (8, 3, 3), another shape than the one that is asked for",
    ]


def test_feedback_shows_no_number_of_a_hidden_setting(classroom) -> None:
    key = Builds(points=2, shown=[((8, 4), (8, 6, 6))], hidden=[((531, 977), (531, 7, 4))])
    hidden = classroom(block=(key, lambda c, m: branch(c, (m, 1), (c, 3))))["block"]

    def tells(c, m):
        if c == 8:
            return branch(c, (m, 1), (c, 3))
        raise ValueError(f"{c} {m}")

    for builder in (tells, lambda c, m: branch(c, (m, 1), (c + (c > 8), 3)), lambda c, m: branch(8, (m, 1), (c, 3))):
        result = mark("99.block", gather("builds", builder, [*key.shown, *key.hidden]), hidden)
        assert 1 <= result < 2
        assert not [number for number in ("531", "532", "977") if number in str(result)]


def test_boxes_that_agree_must_compute_alike(classroom) -> None:
    class Turned(nn.Conv2d):
        def forward(self, x):
            return nn.functional.conv2d(x, self.weight.flip(2, 3), self.bias, padding=1)

    key = Builds(points=2, shown=[((), (3, 4, 4))], slips={})
    classroom(conv=(key, nn.Conv2d(3, 4, 3, padding=1)))
    result = mark("99.conv", gather("builds", nn.Sequential(Turned(3, 4, 3, padding=1)), [((), (3, 4, 4))]))
    assert result == 1
    assert "the module computes the wrong numbers" in told(result)[0]


def test_a_class_of_ones_own_is_judged_by_what_its_forward_does(classroom) -> None:
    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.squeeze, self.conv = nn.Conv2d(8, 2, 1), nn.Conv2d(2, width, 3, padding=1)
            self.one = nn.Conv2d(8, 4, 1)

        def forward(self, x):
            narrow = torch.relu(self.squeeze(x))
            return torch.cat([torch.relu(self.one(x)), nn.functional.relu(self.conv(narrow))], dim=1)

    bare = {"batch_norm": False}
    setting = [((), (8, 6, 6))]
    key = Builds(points=2, shown=setting, slips={})
    classroom(block=(key, Concat(branch(8, (4, 1), **bare), branch(8, (2, 1), (4, 3), **bare))))
    assert mark("99.block", gather("builds", Block(4), setting)) == 2
    wrong = mark("99.block", gather("builds", Block(5), setting))
    assert "branch 2, box 2: expected a 3x3 convolution with 4 channels, yours has 5 channels" in told(wrong)[0]


def test_a_design_is_held_against_its_bounds(classroom) -> None:
    key = Designs(points=2, shape=(8, 6, 6), output=(4, 6, 6), most={"MACs": 4_000}, least={"receptive field": 3})
    classroom(design=(key, lambda: branch(8, (2, 1), (4, 3))))
    setting = [((), (8, 6, 6))]
    assert mark("99.design", gather("designs", branch(8, (2, 1), (4, 3)), setting)) == 2
    dear = mark("99.design", gather("designs", branch(8, (4, 3)), setting))
    assert dear == 1
    assert told(dear)[0] == "MACs: 10,368; should be at most 4,000"
    assert told(mark("99.design", gather("designs", branch(8, (5, 3)), setting)))[0].startswith("it outputs (5, 6, 6)")


def _reach(module, *shape: int):
    (piece,) = gather("designs", module, [((), shape or (8, 28, 28))])
    figures, doubt = recomputed(piece, shape or (8, 28, 28))
    assert not doubt
    return figures["receptive field"]


def test_branches_that_look_in_different_directions_see_no_square() -> None:
    cross = Concat(branch(8, (4, (1, 13))), branch(8, (4, (13, 1))), branch(8, (4, 5)))
    assert _reach(cross) == [5, 13]
    assert _reach(nn.Sequential(cross, nn.BatchNorm2d(12), nn.ReLU())) == [5, 13]
    assert _reach(nn.Sequential(cross, nn.Conv2d(12, 4, 1))) == [13, 13]  # each output reads both
    assert _reach(Concat(branch(8, (4, (1, 13)), (4, (13, 1))), branch(8, (4, 1)))) == [13, 13]
    assert _reach(nn.Conv2d(8, 8, (1, 9), padding=(0, 4))) == [1, 9]
    assert _reach(nn.Conv2d(8, 8, (1, 9), padding=(0, 4)), 8, 1, 99) == [9, 9]


def test_a_mean_at_the_end_sees_nothing_for_the_values_before_it() -> None:
    trunk = branch(8, (4, 3, 2), (4, 3, 2))
    for end in (nn.AdaptiveAvgPool2d(1), nn.AvgPool2d(7), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 4, 1))):
        assert _reach(nn.Sequential(trunk, end, nn.Flatten(), nn.Dropout(), nn.Linear(4, 3))) == [7, 7]
    assert _reach(nn.Sequential(trunk, nn.Conv2d(4, 4, 7), nn.Flatten())) == [31, 31]
    assert _reach(nn.Sequential(nn.Flatten(), nn.Linear(8 * 28 * 28, 3))) == [28, 28]


def test_a_design_whose_convolutions_have_nothing_between_them_is_told_so(classroom) -> None:
    def design(between, groups=1):
        return nn.Sequential(
            Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=groups), *between), None), last
        )

    last = nn.Conv2d(4, 4, 1)
    key = Designs(points=1, shape=(4, 6, 6), output=(4, 6, 6), most={"MACs": 9_000})
    classroom(design=(key, design([])))
    for between, groups, good in (([nn.ReLU(), last], 1, True), ([last], 4, True), ([last], 1, False)):
        result = mark("99.design", gather("designs", design(between, groups), [((), (4, 6, 6))]))
        assert (result, all(line.good for line in result.lines)) == (1, good)


def test_a_receptive_field_that_is_not_known_costs_only_its_own_bound(classroom) -> None:
    class Odd(nn.Conv2d):
        def forward(self, x):
            return super().forward(x) + x.flatten(2).max(-1).values[..., None, None]

    setting = [((), (8, 6, 6))]
    bounds = {"points": 2, "shape": (8, 6, 6), "output": (8, 6, 6), "most": {"MACs": 30_000}}
    cheap, reaching = Designs(**bounds), Designs(**bounds, least={"receptive field": 3})
    design = nn.Conv2d(8, 8, 3, padding=1)
    classroom(cheap=(cheap, design), reaching=(reaching, design))
    odd = gather("designs", Odd(8, 8, 3, padding=1), setting)
    assert mark("99.cheap", odd) == 2
    assert mark("99.reaching", odd) == 1
    assert told(mark("99.reaching", odd))[-1] == "receptive field: not known, because of flatten"
    uneven = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Conv2d(8, 8, 3, padding=2))
    said = told(mark("99.reaching", gather("designs", uneven, setting)))[-1]
    assert said == "receptive field: not known, because of adaptive avg pool"


def test_the_costs_of_a_design_come_from_its_parts_and_not_from_what_the_notebook_says(classroom) -> None:
    key = Designs(points=2, shape=(8, 6, 6), output=(4, 6, 6), most={"MACs": 4_000, "parameters": 300})
    classroom(design=(key, lambda: branch(8, (2, 1), (4, 3))))
    setting = [((), (8, 6, 6))]
    free = {"output": [4, 6, 6], "parameters": 0, "MACs": 0, "receptive field": 9, "convolutions": 0}
    (piece,) = gather("designs", nn.Identity(), setting)
    assert mark("99.design", [{**piece, "figures": free}]) == 0
    (piece,) = gather("designs", branch(8, (4, 3)), setting)
    lying = mark("99.design", [{**piece, "figures": free}])
    assert lying == 1
    assert told(lying)[0] == "MACs: 10,368; should be at most 4,000"
    rare = mark("99.design", [{"parts": [{"is": "Magic", "settings": ""}], "figures": free}])
    assert "the cost of 'Magic' cannot be worked out" in told(rare)[0]
    assert mark("99.design", [{"parts": piece["parts"] * 2_000, "figures": free}]) == 0


@pytest.mark.parametrize(
    "module",
    [
        branch(8, (2, 1), (4, 3)),
        nn.Sequential(
            nn.Conv2d(8, 8, (3, 1), stride=2, padding="valid", groups=4, bias=False), nn.SiLU(), nn.Flatten()
        ),
        Concat(branch(8, nn.MaxPool2d(3, 1, 1), (4, 1)), Residual(ConvUnit(8, 8, 3), scale=0.5), nn.AvgPool2d(3, 1, 1)),
        nn.Sequential(
            nn.Dropout(0.4), nn.BatchNorm2d(8, affine=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
        ),
        nn.Sequential(nn.AdaptiveMaxPool2d((3, None)), nn.AdaptiveMaxPool2d(1), nn.Flatten()),
        nn.Conv2d(8, 4, 2, padding="same", dilation=1),
    ],
)
def test_a_module_made_again_from_its_parts_costs_the_same(module) -> None:
    shape = (8, 7, 9)
    node = trace(module, shape)
    again = trace(rebuilt(json.loads(json.dumps(anatomy(module))), shape), shape)
    for name in ("params", "macs", "activations", "output"):
        assert getattr(again, name) == getattr(node, name)


class Met(nn.ModuleList):
    def __init__(self, joined):
        super().__init__(nn.Conv2d(4, 4, k, padding=k // 2) for k in (1, 3, 5))
        self.joined = joined

    def forward(self, x):
        return self.joined(*(layer(x) for layer in self))


@pytest.mark.parametrize(
    ("module", "many"),
    [
        (Met(lambda a, b, c: torch.cat([a, b, c], 1)), 3),
        (Met(lambda a, b, c: a + (b + c)), 3),
        (Met(lambda a, b, c: sum((a, b, c))), 3),
        (Met(lambda a, b, c: (a + b) * c), 2),
        (Residual(nn.Sequential(Met(lambda a, b, c: torch.cat([a, b, c], 1)), nn.Conv2d(12, 4, 1))), 3),
        (Residual(nn.Conv2d(4, 4, 1)), 2),
        (nn.Conv2d(4, 4, 1), 1),
    ],
)
def test_branches_are_counted_wherever_and_however_they_meet(module, many) -> None:
    assert figures(trace(nn.Sequential(module), (4, 8, 8)))["branches"] == many


@pytest.mark.parametrize("junk", [[], "x", [{"parts": 3}], [{"error": 1}], [[[]]], {"a": 1}, [{"parts": [{"is": []}]}]])
def test_forged_evidence_earns_nothing_and_never_raises(classroom, junk) -> None:
    keys = {
        "built": (Builds(points=1, shown=[((), (3, 4, 4))]), ConvUnit(3, 4, 3)),
        "computed": (Computes(points=1, shown=[(1,)], hidden=[]), lambda a: a),
        "designed": (Designs(points=1, shape=(3, 4, 4), output=(4, 4, 4), most={"MACs": 9**9}), ConvUnit(3, 4, 3)),
        "answered": (Answer(points=1), 5),
    }
    classroom(**keys)
    for name in keys:
        assert mark(f"99.{name}", junk) == 0


def test_liars_gain_nothing(classroom) -> None:
    classroom(one=(Answer(points=1), 42), many=(Computes(points=1, shown=[(1,)], hidden=[]), lambda a: a))
    assert check("99.one", Liar()) == 0
    assert check("99.many", lambda a: Liar()) == 0
    assert check("99.one", 42) == 1


def test_a_mark_shows_itself_as_points_and_escapes_what_it_quotes(classroom) -> None:
    classroom(one=(Answer(points=2), 42))
    bundle = check("99.one", 42)._repr_mimebundle_()
    assert float(bundle["text/plain"]) == 2
    assert EVIDENCE not in bundle
    wrong = mark("99.one", [{"error": "<script>"}])
    assert "<script>" not in wrong.html
    assert "0 of 2 points" in str(wrong)


def test_while_grading_a_mark_carries_its_evidence(classroom, monkeypatch, tmp_path: Path) -> None:
    key = Computes(points=1, shown=[(1,)], hidden=[(5,)])
    hidden = classroom(one=(key, lambda a: a + 1))["one"]
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"99.one": hidden["settings"]}))
    monkeypatch.setenv(checking.SETTINGS, str(settings))
    bundle = check("99.one", lambda a: a + 1)._repr_mimebundle_()
    assert bundle[EVIDENCE] == {"exercise": "99.one", "evidence": [2, 6]}
    assert mark("99.one", bundle[EVIDENCE]["evidence"], hidden) == 1


def test_exercises_that_are_not_there_are_named() -> None:
    with pytest.raises(ValueError, match="no exercises for chapter '77'"):
        check("77.x", 1)
    with pytest.raises(ValueError, match="chapter 03 has no exercise 'x'; it has lost_widths"):
        check("03.x", 1)


# ---- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "answer", "fault"),
    [
        (Answer(points=1, slips={8: "This is it."}), 8, "give the same answer"),
        (Answer(points=1), None, "the solution gives None"),
        (Computes(points=1, shown=[(2,)], hidden=[], slips={"x": lambda a: a + a}), lambda a: a * a, "same answer"),
        (Designs(points=1, shape=(3, 4, 4), output=(4, 4, 4), most={"MACs": 5}), ConvUnit(3, 4, 3), "at most 5"),
        (Designs(points=1, shape=(3, 4, 4), output=(5, 4, 4)), ConvUnit(3, 4, 3), "outputs"),
    ],
)
def test_a_key_that_contradicts_itself_is_refused(classroom, key, answer, fault) -> None:
    with pytest.raises(KeyMismatchError, match=fault):
        classroom(one=(key, answer))


def test_a_key_and_its_notebook_must_name_the_same_exercises(tmp_path: Path) -> None:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": 'from inception_edu.classroom import check\ncheck("99.a", 1)',
    }
    (tmp_path / "exercises.ipynb").write_text(json.dumps({"cells": [cell]}))
    (tmp_path / "key.py").write_text("from inception_edu.classroom.keys import Answer\nKEY = {'b': Answer(points=1)}")
    folder = tmp_path.rename(tmp_path.with_name("99_x"))
    with pytest.raises(KeyMismatchError, match=r"only in the key or only in a check: 99\.a, 99\.b"):
        expectations(folder)
