"""Where sources differ: the list is well formed, its tests exist, and what it says can be computed is computed here."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.arithmetic import conv_macs, conv_params, linear_params
from inception_edu.course.differences import Difference, Differences
from inception_edu.models import bn_inception, inception_v4
from inception_edu.models.googlenet import TABLE_1, inception, lrn
from inception_edu.shorthand import separable

ROOT = Path(__file__).resolve().parents[2]
ROWS = Differences.read().rows
BARE = {"batch_norm": False, "bias": False}


def traced(name: str) -> ie.Node:
    with torch.device("meta"):
        return ie.trace(ie.build(name), ie.FAMILY[name].image)


# ---- the list ---------------------------------------------------------------------------------


def test_the_rows_are_in_the_order_of_the_chapters_and_none_is_there_twice() -> None:
    chapters = [row.chapter for row in ROWS]
    assert chapters == sorted(chapters)
    assert set(chapters) <= {int(path.name[:2]) for path in (ROOT / "chapters").glob("[0-9]*.ipynb")}
    assert len({(row.chapter, row.place) for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("test", dict.fromkeys(row.test for row in ROWS if row.test))
def test_every_named_test_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_where_all_agree_there_is_no_difference() -> None:
    with pytest.raises(ValueError, match="pool: all sources say 'up', which is not a difference"):
        Difference(chapter=4, place="pool", says={"the paper": "up", "a library": "up"}, here="up")
    assert Difference(chapter=4, place="pool", says={"the paper": "up"}, here="down").test == ""


def test_the_list_is_a_table_per_chapter() -> None:
    shown = ET.fromstring(Differences.read()._repr_html_())
    assert len([row for body in shown.iter("tbody") for row in body.iter("tr")]) == len(ROWS)
    assert len(list(shown.iter("caption"))) == len({row.chapter for row in ROWS})
    (only,) = [row for row in ROWS if row.chapter == 7 and "stem, last pair" in row.place]
    html = Differences((only,))._repr_html_()
    assert "<caption>chapter 07</caption>" in html
    assert only.test in html
    assert "Fig. 3</i>: a 3x3 to 192 without its stride<br/>" in html
    code = Difference(chapter=1, place="a", says={"the `first`": "1 < 2"}, here="`net(x)`")
    html = Differences((code,))._repr_html_()
    assert "<i>the <code>first</code></i>: 1 &lt; 2" in html
    assert '<td style="text-align:left"><code>net(x)</code></td>' in html
    assert str(Differences((only,))) == "1 place, 1 held by a test"
    assert Differences.read().where(7).rows == tuple(row for row in ROWS if row.chapter == 7)


# ---- GoogLeNet --------------------------------------------------------------------------------


def test_the_share_of_the_3x3_does_not_grow_with_depth() -> None:
    shares = [round(100 * n3 / (n1 + n3 + n5 + proj)) for n1, _, n3, _, n5, proj in TABLE_1.values()]
    assert shares == [50, 40, 41, 44, 50, 55, 38, 38, 38]


def test_torchs_lrn_with_5_is_tensorflows_with_2() -> None:
    torch.manual_seed(0)
    a = 30 * torch.randn(2, 16, 5, 5, dtype=torch.double)
    squares = nn.functional.pad(a**2, (0, 0, 0, 0, 2, 2))
    tensorflow = a / (1 + 2e-5 * sum(squares[:, i : i + 16] for i in range(2 * 2 + 1))) ** 0.75
    assert torch.allclose(lrn()(a), tensorflow)
    assert not torch.allclose(nn.LocalResponseNorm(2)(a), tensorflow)


def test_an_adaptive_pool_to_4x4_is_not_the_5x5_with_stride_3() -> None:
    torch.manual_seed(0)
    maps = torch.randn(1, 8, 14, 14)
    paper, adaptive = nn.AvgPool2d(5, 3)(maps), nn.AdaptiveAvgPool2d(4)(maps)
    assert paper.shape == adaptive.shape == (1, 8, 4, 4)
    assert not torch.allclose(paper, adaptive, atol=0.01)
    row = torch.arange(14.0).view(1, 1, 1, 14)
    # means of the windows 0-3, 3-6, 7-10 and 10-13, four wide; with 5 and stride 3: 0-4, 3-7, 6-10, 9-13
    assert nn.AdaptiveAvgPool2d((1, 4))(row).flatten().tolist() == [1.5, 4.5, 8.5, 11.5]
    assert nn.AvgPool2d((1, 5), (1, 3))(row).flatten().tolist() == [2, 5, 8, 11]


@pytest.mark.parametrize(
    ("inputs", "outputs", "kernel", "ratio"),
    [(3, 64, 7, 3.34), (16, 32, 5, 1.22), (192, 96, 1, 0.87)],
)
def test_caffes_xavier_is_torchs_kaiming_for_linear_layers(
    inputs: int, outputs: int, kernel: int, ratio: float
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(inputs, outputs, kernel)
    caffe = (3 / (inputs * kernel**2)) ** 0.5  # uniform on either side of 0, with variance 1 / fan-in
    assert conv.weight.std().item() == pytest.approx(caffe / 3, rel=0.03)
    assert nn.init.xavier_uniform_(conv.weight).std().item() * ratio == pytest.approx(caffe / 3**0.5, rel=0.03)
    assert nn.init.kaiming_uniform_(conv.weight, nonlinearity="linear").max().item() == pytest.approx(caffe, rel=0.01)


def test_a_separable_first_layer_fits_the_print() -> None:
    node = ie.trace(separable(3, 64, 7, 2, multiplier=8, **BARE), (3, 224, 224))
    assert (node.params, round(node.macs / 1e6)) == (2712, 34)
    assert ie.trace(ie.ConvUnit(3, 64, 7, 2, **BARE), (3, 224, 224)).params == 9408


def test_two_rows_of_table_1_do_not_follow_from_their_widths() -> None:
    four_c = ie.trace(inception(512, TABLE_1["inception_4c"], **BARE), (512, 14, 14))
    five_a = ie.trace(inception(832, TABLE_1["inception_5a"], **BARE), (832, 7, 7))
    assert four_c.params == 509_440
    assert (five_a.params, round(five_a.macs / 1e5)) == (1_042_432, 511)


def test_googlenet_is_8_7_times_smaller_than_alexnet() -> None:
    convs = [(3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3)]
    linear = [(256 * 6 * 6, 4096), (4096, 4096), (4096, 1000)]
    alexnet = sum(conv_params(*conv, bias=True) for conv in convs) + sum(linear_params(*sizes) for sizes in linear)
    assert alexnet == 61_100_840
    assert round(alexnet / ie.FAMILY["googlenet"].params, 1) == 8.7


# ---- BN-Inception and V3 ----------------------------------------------------------------------


def test_the_table_of_bn_inception_does_not_add_up() -> None:
    for name in ("inception_4c", "inception_4d"):
        n1, _, n3, _, double, proj = bn_inception.TABLE[name]
        assert n1 + n3 + double + proj == 576
        assert n1 + n3 + double + 128 == 608
    with torch.device("meta"):
        port = ie.trace(ie.build("bn_inception", as_cadene=True), (3, 224, 224))
    assert [port[name].output.channels for name in ("inception_4c", "inception_4d", "inception_4e")] == [608, 608, 1056]


def test_pooling_first_costs_a_quarter() -> None:
    convolve_first, pool_first = conv_macs(320, 640, 1, 34, 34), conv_macs(320, 640, 1, 17, 17)
    assert 4 * pool_first == convolve_first


# ---- V4 and the residual networks -------------------------------------------------------------


def test_block_b_as_printed_costs_the_same_and_sees_another_shape() -> None:
    printed = ie.trace(ie.branch(1024, (192, 1), (224, (1, 7)), (256, (1, 7))), (1024, 17, 17))
    released = ie.trace(inception_v4.inception_b(1024)[1], (1024, 17, 17))
    assert (printed.params, printed.macs, printed.output.shape) == (released.params, released.macs, (256, 17, 17))
    assert (printed.output.field, released.output.field) == ((1, 13), (7, 7))


def test_the_stem_of_v4_as_printed_cannot_be_concatenated() -> None:
    pool = nn.MaxPool2d(3, 2)
    with pytest.raises(ie.ShapeError, match=r"different grids \(69x69, 35x35\)"):
        ie.trace(ie.Concat(ie.branch(192, (192, 3, 1, 0)), pool), (192, 71, 71))
    assert ie.trace(ie.Concat(ie.branch(192, (192, 3, 2, 0)), pool), (192, 71, 71)).output.shape == (384, 35, 35)


def test_v4_has_more_convolutions_than_v2_only_as_drawn() -> None:
    names = ("inception_v4", "inception_resnet_v2_paper", "inception_resnet_v2")
    counts = [sum(isinstance(part.module, ie.ConvUnit) for part in traced(name).walk()) for name in names]
    assert counts == [149, 132, 244]


def test_the_trunk_of_v2_as_drawn_is_1152_and_2144_wide() -> None:
    node = traced("inception_resnet_v2_paper")
    assert [node[name].output.channels for name in ("block17_1", "block8_1")] == [1152, 2144]


def test_the_released_v2_is_2_3_times_v3() -> None:
    v3, v2 = ie.FAMILY["inception_v3"], ie.FAMILY["inception_resnet_v2"]
    assert v2.params / v3.params == pytest.approx(2.34, abs=0.005)
    assert v2.macs / v3.macs == pytest.approx(2.30, abs=0.005)
