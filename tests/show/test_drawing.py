"""Drawings: what stands where is data, so that the tests can look at it as a reader would."""

import copy
import pickle
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import Counter, OrderedDict
from functools import cache
from itertools import combinations, pairwise

import matplotlib as mpl
import pytest
import torch
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath
from torch import nn

import inception_edu as ie
from inception_edu.bricks import Concat, ConvUnit, Residual
from inception_edu.models.googlenet import naive_inception
from inception_edu.models.lightweight import light_block_as_written
from inception_edu.network import InceptionNet, classifier, stem
from inception_edu.show import palette
from inception_edu.show.describing import describe, listed
from inception_edu.show.drawing import Diagram, _outline, diagram
from inception_edu.show.labels import label
from inception_edu.show.layout import BOLD, SIZES, Box, layout, text_width

SVG = "{http://www.w3.org/2000/svg}"


@cache
def traced(name, aux=False):
    with torch.device("meta"):
        return ie.trace(ie.build(name, aux=True) if aux else ie.build(name), ie.FAMILY[name].image)


def light_as_written():
    return ie.trace(light_block_as_written(192), (192, 28, 28))


GOLDEN = {
    "inception_3a": lambda: diagram(traced("googlenet")["inception_3a"], macs_share=True),
    "mixed_7b": lambda: diagram(traced("inception_v3")["mixed_7b"]),
    "block17": lambda: diagram(traced("inception_resnet_v2")["block17_1"]),
    "inception_v4_stem": lambda: diagram(stem(traced("inception_v4"))),
    "xception_middle": lambda: diagram(traced("xception")["middle_1"]),
    "light_block_as_written": lambda: diagram(light_as_written()),
    "googlenet": lambda: diagram(traced("googlenet", aux=True)),
}

BLOCKS = {
    "naive": lambda: ie.trace(naive_inception(192, 64, 128, 32), (192, 28, 28)),
    "3a": lambda: traced("googlenet")["inception_3a"],
    "bn 3c": lambda: traced("bn_inception")["inception_3c"],
    "7b": lambda: traced("inception_v3")["mixed_7b"],
    "v4 stem": lambda: stem(traced("inception_v4")),
    "v4 c": lambda: traced("inception_v4")["inception_c_1"],
    "block35": lambda: traced("inception_resnet_v2")["block35_1"],
    "block8 without ReLU": lambda: traced("inception_resnet_v2")["block8_10"],
    "xception entry": lambda: traced("xception")["entry_2"],
    "light": lambda: traced("light_inception")["inception_3a"],
    "light as written": light_as_written,
    "mlpconv": lambda: traced("nin_cifar10")["mlpconv_1"],
    "classifier": lambda: traced("googlenet")["classifier"],
    "one convolution": lambda: traced("googlenet")["conv_1"],
    "googlenet's head": lambda: traced("googlenet", aux=True).aux[0],
    "v3's head": lambda: traced("inception_v3", aux=True).aux[0],
    "nothing but an identity": lambda: ie.trace(nn.Sequential(nn.Identity()), (3, 8, 8)),
    "an empty shortcut": lambda: ie.trace(Residual(ConvUnit(8, 8, 3), nn.Sequential()), (8, 8, 8)),
    "a line of convolutions": lambda: ie.trace(nn.Sequential(*(ConvUnit(8, 8, 3) for _ in range(9))), (8, 8, 8)),
}


def with_close_heads():
    """Two blocks in a row, each read by a head that is taller than a block."""
    blocks = {f"block_{i}": ConvUnit(8, 8, 3) for i in range(1, 4)}
    heads = {name: classifier(8, 2, 0.5) for name in ("block_1", "block_2")}
    return ie.trace(InceptionNet(blocks, classifier(8, 2), heads, name="net"), (8, 8, 8))


HEADS = ("googlenet", "googlenet_torchvision", "inception_v3", "inception_v4")
SUBJECTS = {
    **BLOCKS,
    "heads close together": with_close_heads,
    **{name: lambda name=name: traced(name) for name in ie.FAMILY},
    **{f"{name} with heads": lambda name=name: traced(name, True) for name in HEADS},
}


@pytest.mark.parametrize("name", GOLDEN)
def test_drawings_are_golden(name, golden):
    golden(f"{name}.svg", GOLDEN[name]())


# Geometry


CASES = [(subject, depth) for subject in SUBJECTS for depth in (1, 2, 9)]


@cache
def laid_out(subject, depth):
    return layout(SUBJECTS[subject](), depth, macs_share=depth != 2)


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0]} at depth {case[1]}")
def sheet(request):
    return laid_out(*request.param)


def frame_of(words):
    """Left, top, right, bottom of the letters of a text."""
    width, height = text_width(words.text, words.role), 0.72 * SIZES[words.role]
    left = words.x - {"start": 0, "middle": width / 2, "end": width}[words.anchor]
    return left, words.y - height / 2, left + width, words.y + height / 2


def frame_of_box(box):
    return box.x, box.y, box.x + box.width, box.y + box.height


def meet(one, other, by=0.0):
    """Whether two frames overlap by more than `by` px."""
    return min(one[2], other[2]) - max(one[0], other[0]) > by and min(one[3], other[3]) - max(one[1], other[1]) > by


def segments(sheet):
    """The straight pieces of all lines, as frames without area."""
    for wire in sheet.wires:
        for (x1, y1), (x2, y2) in pairwise(wire.points):
            assert x1 == x2 or y1 == y2, "lines run level or upright"
            yield min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)


def test_nothing_overlaps_and_everything_is_on_the_sheet(sheet):
    boxes = [frame_of_box(box) for box in sheet.boxes]
    words = [frame_of(text) for text in sheet.words]
    assert boxes
    for one, other in combinations(boxes, 2):
        assert not meet(one, other, -4), "two boxes overlap or touch"
    for one, other in combinations(words, 2):
        assert not meet(one, other), "two texts overlap"
    for text in words:
        assert not any(meet(text, box) for box in boxes), "a text runs into a box"
    everything = [*boxes, *words, *segments(sheet), *((x, y, x + w, y + h) for x, y, w, h, _ in sheet.frames)]
    for left, top, right, bottom in everything:
        assert 0 <= left <= right <= sheet.width
        assert 0 <= top <= bottom <= sheet.height


def test_text_lies_inside_its_box(sheet):
    for box in sheet.boxes:
        for line in box.lines:
            assert text_width(line.text, line.role) <= box.text_width
        assert 15 * len(box.lines) + (17 if box.share else 0) <= box.height
        if box.share:
            assert text_width("100.0 %", "note") <= 50 < box.text_width


def test_lines_run_around_boxes_and_texts(sheet):
    for left, top, right, bottom in segments(sheet):
        line = left - 0.1, top - 0.1, right + 0.1, bottom + 0.1
        for box in sheet.boxes:
            slant = 6 if box.kind == "pool" else 0  # where a line meets the slanted side of a pool
            x1, y1, x2, y2 = frame_of_box(box)
            assert not meet(line, (x1 + slant, y1, x2 - slant, y2), 0.15), f"a line crosses {box.lines}"
        for text in sheet.words:
            assert not meet(line, frame_of(text)), f"a line crosses {text.text!r}"


def test_every_box_is_joined_to_the_rest(sheet):
    """A line ends at each box, and one leaves it."""
    ends = [wire.points[-1] for wire in sheet.wires]
    starts = [wire.points[0] for wire in sheet.wires]
    for box in sheet.boxes:
        left, top, right, bottom = frame_of_box(box)

        def on_edge(point, edge=(left - 6, top, right + 12, bottom)):
            x, y = point
            return edge[0] <= x <= edge[2] and edge[1] - 0.1 <= y <= edge[3] + 0.1

        assert any(map(on_edge, ends)), f"nothing leads to {box.lines}"
        assert any(map(on_edge, starts)), f"nothing leaves {box.lines}"


@pytest.mark.parametrize("name", ie.FAMILY)
def test_folded_networks_fit_a_page(name):
    sheet = layout(traced(name))
    assert sheet.width < 950
    assert sheet.height < 900


def test_text_is_measured_in_the_widest_system_face():
    """matplotlib brings DejaVu Sans along; what is estimated must not fall short of it by more than 2 %."""
    texts = set()
    for subject in SUBJECTS.values():
        drawn = layout(subject(), macs_share=True)
        texts |= {(line.text, line.role) for box in drawn.boxes for line in box.lines}
        texts |= {(words.text, words.role) for words in drawn.words}
    assert len(texts) > 200
    for text, role in texts:
        face = FontProperties(family="DejaVu Sans", size=SIZES[role], weight="bold" if role in BOLD else "normal")
        width, _, _ = TextToPath().get_text_width_height_descent(text, face, ismath=False)
        assert width / 1.02 <= text_width(text, role) <= width * 1.25, text


# What is shown


def leaves(node):
    if not node.children:
        yield node
    for child in node.children:
        yield from leaves(child)


@pytest.mark.parametrize("name", BLOCKS)
def test_every_unit_of_an_open_block_is_drawn_with_its_channels(name):
    node = BLOCKS[name]()
    sheet = layout(node, 9)
    said = [line.text for box in sheet.boxes for line in box.lines if line.role == "label"]
    shown = [words.text.split(" ")[0] for words in sheet.words]
    drawn = [leaf for leaf in leaves(node) if label(leaf.module) not in ("identity", "")]
    notes = {line.text for box in sheet.boxes for line in box.lines if line.role == "note"}
    for unit in drawn:
        assert label(unit.module) in [*said, *notes]
        assert str(unit.output.channels) in shown
    assert len([box for box in sheet.boxes if box.kind not in ("concat", "sum")]) == len(drawn) or not drawn


@pytest.mark.parametrize("name", ie.FAMILY)
def test_a_network_shows_each_block_with_its_output(name):
    node = traced(name)
    boxes = layout(node).boxes
    assert sum(box.copies for box in boxes) == len(node.children)
    for child in node.children:
        shape = " x ".join(re.split("x", "x".join(map(str, child.output.shape)), maxsplit=1))
        alike = [box for box in boxes if shape in [line.text for line in box.lines]]
        stem_of_name = re.sub(r"_?\d+$", "", child.name)
        assert any(line.text.startswith(stem_of_name) for box in alike for line in box.lines), child.name


def test_shapes_in_and_out_and_the_name_are_written():
    words = [text.text for text in layout(traced("googlenet")["inception_3a"]).words]
    assert {"inception_3a", "192 x 28x28", "256 x 28x28", "163,696 parameters, 128,049,152 MACs"} <= set(words)
    words = [text.text for text in layout(traced("inception_v3")["mixed_6a"]).words]
    assert words.count("384 x 17x17") == 1  # the grid is written where it changes
    assert {"64", "96", "96 x 17x17"} <= set(words)


def test_valid_padding_and_stride_are_marked_and_explained():
    sheet = layout(traced("inception_v3")["mixed_6a"])
    assert "3x3 conv /2 V" in [line.text for box in sheet.boxes for line in box.lines]
    assert "/2: stride 2, V: no padding (valid)" in [text.text for text in sheet.words]
    assert not any("stride" in text.text for text in layout(traced("googlenet")["inception_3a"]).words)


def test_kinds_differ_in_shape_and_not_only_in_colour():
    """With equal sides and without colour, no two kinds have one outline; a concat bar is flat and wide."""
    kinds = ("conv", "depthwise", "pool", "linear", "sum", "activation", "block")
    assert len({_outline(Box(kind, 0, 0, 22, 22, ())) for kind in kinds}) == len(kinds)
    for subject in ("7b", "v4 c", "3a"):
        boxes = layout(BLOCKS[subject]()).boxes
        (bar,) = [box for box in boxes if box.kind == "concat"]
        assert bar.height < min(box.height for box in boxes if box is not bar)
        assert bar.x == min(box.x for box in boxes)
        assert bar.x + bar.width >= max(box.x + box.width for box in boxes)
    drawn = {box.kind for subject in BLOCKS.values() for box in layout(subject()).boxes}
    assert drawn >= {"conv", "depthwise", "pool", "linear", "sum", "concat", "activation", "dropout", "reshape"}
    assert {box.kind for box in layout(traced("googlenet", True)).boxes} == {"conv", "pool", "norm", "block", "head"}


def test_forks_run_straight_into_the_outer_bar():
    """As the papers draw them: six tensors are joined in Inception-v3's last blocks, four in tutorial 003's."""
    for node, joined in ((traced("inception_v3")["mixed_7b"], 6), (light_as_written(), 4)):
        sheet = layout(node)
        (bar,) = [box for box in sheet.boxes if box.kind == "concat"]
        arrows = [wire for wire in sheet.wires if wire.arrow and wire.points[-1][1] == bar.y]
        assert len(arrows) == joined
    assert len(sheet.boxes) == 7  # the identity branch is a line


def test_sums_show_their_scale_where_it_is_not_one():
    for block, scale in (("block17_1", "x 0.1"), ("block8_10", None)):
        sheet = layout(traced("inception_resnet_v2")[block])
        (circle,) = [box for box in sheet.boxes if box.kind == "sum"]
        assert circle.width == circle.height
        scales = [words.text for words in sheet.words if words.text.startswith("x ")]
        assert scales == ([scale] if scale else [])


def test_units_without_their_relu_say_so():
    """The linear expansion of a residual block, and the depthwise half that tutorial 003 gives a ReLU."""
    marked = [box.lines[0].text for box in layout(BLOCKS["block35"]()).boxes if len(box.lines) > 1]
    assert marked == ["1x1 conv"]
    assert [box for box in layout(light_as_written()).boxes if len(box.lines) > 1] == []
    light = [box for box in layout(BLOCKS["light"]()).boxes if len(box.lines) > 1]
    assert {box.kind for box in light} == {"depthwise"}


@pytest.mark.parametrize("name", HEADS)
def test_auxiliary_heads_hang_from_the_block_that_they_read(name):
    node = traced(name, True)
    folded = layout(node)
    heads = [box for box in folded.boxes if box.kind == "head"]
    assert len(heads) == len(node.aux) > 0
    for head, tap in zip(heads, [aux.name for aux in node.aux], strict=True):
        assert [line.text for line in head.lines] == ["auxiliary head", "training only"]
        above = [box for box in folded.boxes if box.x == head.x and box.y + box.height < head.y]
        read = max(above, key=lambda box: box.y)
        assert tap.startswith(read.lines[0].text.split(" x ")[0])
        assert any(wire.dashed and wire.points[-1][1] == head.y for wire in folded.wires)
    opened = layout(node, 2, macs_share=True)
    assert [frame.dashed for frame in opened.frames].count(True) == len(node.aux)
    assert sum(words.text == "auxiliary head" for words in opened.words) == len(node.aux)
    frames = [frame for frame in opened.frames if frame.dashed]
    for box in opened.boxes:
        inside = any(f.x < box.x < f.x + f.width and f.y < box.y < f.y + f.height for f in frames)
        assert not (inside and box.share), "a head's MACs are no part of the total"


@pytest.mark.parametrize("name", ie.FAMILY)
@pytest.mark.parametrize("depth", [1, 2, 9])
def test_shares_of_macs_add_up(name, depth):
    boxes = layout(traced(name, name in HEADS), depth=depth, macs_share=True).boxes
    assert sum(box.share or 0 for box in boxes) == pytest.approx(1)
    assert all(box.share is None for box in layout(traced(name), depth).boxes)


def test_equal_blocks_in_a_row_are_drawn_once():
    runs = {box.lines[0].text: box.copies for box in layout(traced("inception_resnet_v2")).boxes if box.copies > 1}
    assert runs == {"block35 x 10": 10, "block17 x 20": 20, "block8 x 9": 9}  # the last of its kind differs
    text = describe(traced("inception_resnet_v2"))
    assert "block17_1 to block17_20, 20 equal blocks" in text
    assert all(box.copies == 1 for box in layout(traced("googlenet")).boxes)


def test_a_run_ends_at_the_block_that_a_head_reads():
    blocks = {f"block_{i}": Concat(ConvUnit(8, 4, 1), ConvUnit(8, 4, 3)) for i in range(1, 8)}
    net = InceptionNet(blocks, classifier(8, 2), {"block_4": classifier(8, 2)}, name="net")
    boxes = [(box.lines[0].text, box.copies) for box in layout(ie.trace(net, (8, 8, 8))).boxes]
    assert boxes == [("block x 4", 4), ("auxiliary head", 1), ("block x 3", 3), ("classifier", 1)]


def test_the_default_opens_a_block_and_folds_a_network():
    node = traced("googlenet")
    assert diagram(node) == diagram(node, depth=1) != diagram(node, depth=2)
    block = node["inception_3a"]
    assert diagram(block) == diagram(block, depth=2) != diagram(block, depth=1)


def test_a_learners_own_modules_are_drawn():
    odd = nn.Sequential(OrderedDict([("a<b&c", nn.Conv2d(3, 8, 3)), ("smooth", nn.GELU()), ("pad", nn.ZeroPad2d(1))]))
    svg = diagram(ie.trace(odd, (3, 8, 8)))
    texts = [element.text for element in ET.fromstring(svg).iter(f"{SVG}text")]
    assert {"a<b&c", "3x3 conv V", "smooth", "GELU", "8 x 6x6", "8 x 8x8"} <= set(texts)


def test_a_box_is_not_named_after_its_class():
    class Means(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    assert describe(ie.trace(Means(), (3, 8, 8))).endswith("In order: global avg pool to 3x1x1; flatten to 3.")


# Words


def test_the_description_of_a_block():
    assert describe(traced("googlenet")["inception_3a"]) == (
        "inception_3a: 192x28x28 to 256x28x28. Four branches, concatenated: 1x1 conv to 64; 1x1 conv to 96, then 3x3 "
        "conv to 128; 1x1 conv to 16, then 5x5 conv to 32; 3x3 max pool, then 1x1 conv to 32."
    )
    assert describe(light_as_written()).endswith(
        "Two branches, concatenated: 1x1 conv to 32, then a fork into three, concatenated (identity; 3x3 depthwise, "
        "then 1x1 conv to 64; 5x5 depthwise, then 1x1 conv to 64); 3x3 max pool."
    )
    block17 = describe(traced("inception_resnet_v2")["block17_1"])
    assert "body, scaled by 0.1: a fork into two, concatenated (1x1 conv to 192; " in block17
    assert "then 1x1 conv without ReLU to 1088; added to the shortcut: identity); ReLU." in block17
    assert "3x3 conv with stride 2 without padding to 384x17x17" in describe(traced("inception_v3")["mixed_6a"])
    assert "3x3 conv to 128 (67.7 % of the MACs)" in describe(traced("googlenet")["inception_3a"], macs_share=True)


@pytest.mark.parametrize("name", HEADS)
def test_the_description_of_a_network_names_every_block_and_head(name):
    node = traced(name, True)
    text = describe(node)
    for child in node.children:
        title = re.sub(r"_\d+$", "_", child.name)
        assert title in text
    assert text.count("auxiliary head reads in training only") == len(node.aux)
    assert len(describe(node, 2)) > len(text)


@pytest.mark.parametrize("name", BLOCKS)
def test_the_description_counts_every_branch(name):
    node = BLOCKS[name]()
    if isinstance(node.module, Concat):
        text = describe(node).split("concatenated: ", 1)[1]
        outside = re.sub(r"\([^()]*\)", "", text)
        assert outside.count(";") == len(node.children) - 1


# SVG


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("name", ie.FAMILY)
def test_svg_is_well_formed_named_and_self_contained(name, depth):
    svg = diagram(traced(name, name in HEADS), depth=depth, macs_share=depth == 2)
    root = ET.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert root.get("role") == "img"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert sorted(ids) == sorted(root.get("aria-labelledby", "").split())
    title, desc = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert f"{title.text}. {desc.text}" == describe(traced(name, name in HEADS), depth=depth, macs_share=depth == 2)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} == {
        "svg",
        "title",
        "desc",
        "style",
        "path",
        "text",
    }
    _, _, width, height = map(float, root.get("viewBox").split())
    assert (float(root.get("width")), float(root.get("height"))) == (width, height)
    assert not re.search(r"href|url\(|@import|script|nan|inf\b", svg.replace("inception", ""))


def test_ids_belong_to_the_content_and_drawings_repeat():
    node = traced("googlenet")
    one, again, other = diagram(node["inception_3a"]), diagram(node["inception_3a"]), diagram(node["inception_3b"])
    assert one == again
    first, second = (set(re.findall(r' id="([^"]+)"', svg)) for svg in (one, other))
    assert len(first) == len(second) == 2
    assert not first & second


def test_a_notebook_shows_it_inline_and_a_console_its_description():
    svg = diagram(traced("googlenet")["inception_3a"])
    assert isinstance(svg, Diagram)
    assert isinstance(svg, str)
    assert repr(svg) == describe(traced("googlenet")["inception_3a"])
    html = ET.fromstring(svg._repr_html_())
    assert html.tag == "div"
    assert html[0].tag == f"{SVG}svg"
    for same in (copy.copy(svg), pickle.loads(pickle.dumps(svg))):
        assert same == svg
        assert repr(same) == repr(svg)


def test_its_style_reaches_nothing_else_on_the_page():
    style = ET.fromstring(diagram(traced("googlenet"))).find(f"{SVG}style").text
    for selectors in re.findall(r"([^{}]+)\{[^{}]+\}", style.replace("@media (prefers-color-scheme:dark)", "")):
        for selector in selectors.split(","):
            assert selector.strip().startswith(".inception-diagram")
    used = set(re.findall(r'class="([^"]+)"', diagram(traced("googlenet"))))
    assert all(name.startswith(("inception-diagram", "ie-")) for names in used for name in names.split())


@pytest.mark.parametrize("depth", [0, -1, 1.5, "2"])
def test_a_depth_below_one_is_refused_in_one_sentence(depth):
    for function in (diagram, describe, layout):
        with pytest.raises(ValueError, match=f"a depth that is a whole number of at least 1, got {depth}"):
            function(traced("googlenet"), depth=depth)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ((None,), "what trace returns, or a module and a shape .* not NoneType"),
        (("googlenet",), "not str"),
        ((nn.Conv2d(3, 8, 1),), "Conv2d reads images, so give their shape"),
        ((ie.trace(nn.Conv2d(3, 8, 1), (3, 4, 4)), (3, 4, 4)), "not Node and a shape"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_one_sentence(given, sentence):
    for show in (diagram, ie.summary):
        with pytest.raises(TypeError, match=sentence):
            show(*given)


def test_a_module_is_shown_in_one_call():
    unit, shape = ConvUnit(3, 8, 3), (3, 9, 9)
    assert diagram(unit, shape) == diagram(ie.trace(unit, shape))
    assert str(ie.summary(unit, shape)) == str(ie.summary(ie.trace(unit, shape)))


# Palette


def luminance(colour):
    channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def laid_on(hue, page, opacity):
    parts = ((int(hue[i : i + 2], 16), int(page[i : i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(opacity * over + (1 - opacity) * under):02x}" for over, under in parts)


@pytest.mark.parametrize(("page", "ink"), [("#ffffff", palette.INK_LIGHT), ("#111111", palette.INK_DARK)])
def test_text_reads_over_every_fill_in_both_themes(page, ink):
    """WCAG asks for 4.5 : 1 and, at its strictest, 7 : 1."""
    for hue in palette.KINDS.values():
        fill = laid_on(hue, page, 0.22)
        faint = laid_on(ink, fill, 0.8)  # the smaller texts
        assert contrast(ink, fill) >= 7
        assert contrast(faint, fill) >= 4.5
    assert min(contrast(palette.INK_BOTH, page), contrast(palette.BLUE_BOTH, page)) >= 4.1


def test_matplotlib_takes_the_palette_and_is_not_imported_for_it():
    with mpl.rc_context(palette.matplotlib_rc()):
        assert tuple(mpl.rcParams["axes.prop_cycle"].by_key()["color"]) == palette.CYCLE
        assert mpl.rcParams["text.color"] == palette.INK_BOTH
    code = "import sys, inception_edu.show.palette; assert not {'matplotlib', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_drawing_is_laid_out_once(monkeypatch):
    """The words of each box are read once: first all boxes are measured, then each is placed."""
    read = Counter()

    def counted(node):
        read[id(node)] += 1
        return listed(node)

    monkeypatch.setattr(sys.modules["inception_edu.show.layout"], "listed", counted)
    sheet = layout(traced("inception_v3"), 2)
    assert set(read.values()) == {1}
    assert len(read) > 0.5 * len(sheet.boxes)
