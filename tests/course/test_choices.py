"""The data of chapter 12: prices and accuracies are those of the family's register, of the record and of the peers."""

import re
from pathlib import Path
from statistics import fmean

import pytest
import torch

import inception_edu as ie
from inception_edu.course.choices import OTHERS, choices
from inception_edu.course.pictures import choose
from inception_edu.course.pictures.start_here import RIVALS
from inception_edu.course.records import by_seed, load_record, paired
from inception_edu.course.released import write_released
from tools.peers import prepare_torchvision


def test_the_prices_of_the_family_are_those_of_its_register() -> None:
    ours = [each for each in choices() if each.family]
    assert len(ours) == 8
    for each in ours:
        entry = ie.FAMILY[each.name]
        assert (each.params, each.macs, each.pixels) == (entry.params, entry.macs, entry.image[1]), each.name


def test_an_accuracy_that_a_paper_printed_is_the_registers() -> None:
    """Error and accuracy add up to 100, for the one whose figure is taken from its paper, and for torchvision's."""
    top1 = {each.name: each.top1 for each in choices()}
    assert ie.FAMILY["inception_resnet_v1"].published[0].figure.startswith(f"{100 - top1['inception_resnet_v1']:.1f} %")
    assert ie.FAMILY["nin_imagenet"].published[0].figure.startswith(f"{top1['nin_imagenet']} %")
    assert ie.FAMILY["googlenet_torchvision"].published[0].figure.startswith(f"{top1['googlenet_torchvision']} %")
    assert [each.name for each in choices() if each.easier_terms] == ["inception_resnet_v1"]


def test_torchvisions_accuracies_and_parameters_are_those_of_its_weights() -> None:
    prepare_torchvision()
    models = pytest.importorskip("torchvision.models")

    names = {"googlenet_torchvision": "googlenet", "inception_v3": "inception_v3"} | {name: name for name in OTHERS}
    for each in choices():
        if each.name in names:
            meta = models.get_model_weights(names[each.name]).IMAGENET1K_V1.meta
            assert each.top1 == meta["_metrics"]["ImageNet-1K"]["acc@1"], each.name
            if each.name != "inception_v3":  # whose number there counts the auxiliary head
                assert each.params == meta["num_params"], each.name


def test_the_posters_rivals_are_torchvisions_with_their_first_weights() -> None:
    prepare_torchvision()
    models = pytest.importorskip("torchvision.models")

    names = {"AlexNet": "alexnet", "VGG-16": "vgg16", "ResNet-50": "resnet50"}
    for title, (_, params, macs, top1) in RIVALS.items():
        meta = models.get_model_weights(names[title]).IMAGENET1K_V1.meta
        with torch.device("meta"):
            cost = ie.trace(getattr(models, names[title])(), (3, 224, 224))
        assert (params, macs, top1) == (meta["num_params"], cost.macs, meta["_metrics"]["ImageNet-1K"]["acc@1"])


def test_the_released_file_has_torchvisions_names_and_loads(tmp_path: Path) -> None:
    path = write_released(tmp_path / "file.pth")
    file = torch.load(path, weights_only=True)
    net = ie.build("googlenet_torchvision").eval()
    ie.load_checkpoint(net, file, "torchvision")
    with torch.no_grad():
        one, other = net(torch.randn(2, 3, 64, 64))
    assert 0.1 < (one - other).abs().mean() < 100, "logits that depend on the image"
    prepare_torchvision()
    models = pytest.importorskip("torchvision.models")

    with torch.device("meta"):
        theirs = models.googlenet(init_weights=False).state_dict()
    assert {name: tensor.shape for name, tensor in file.items()} == {name: t.shape for name, t in theirs.items()}


def test_the_pictures_name_every_network_and_every_count() -> None:
    for said in (choose.against_macs().description, choose.time_against_macs().description):
        assert all(each.title in said for each in choices())
    assert "the most first: MobileNetV2 36, SqueezeNet 1.1 25, Xception 24," in said
    assert "SqueezeNet 1.1 58.2 % (0.35, 1.2)" in choose.against_macs().description, "MACs and parameters"
    record = load_record("12_few_new")
    assert str(choose.few_pictures(record)).count(",") >= 2 * (len(record["pictures"]) - 1)
    arms = [f"{way}, {count}" for way in ("frozen", "tuned", "scratch") for count in record["pictures"]]
    assert {len(by_seed(record, arm)) for arm in arms} == {5}


@pytest.mark.parametrize(("way", "said"), [("tuned", "fine-tuned"), ("frozen", "frozen features")])
def test_what_is_drawn_ahead_of_scratch_is_the_mean_of_the_pairs(way: str, said: str) -> None:
    record = load_record("12_few_new")
    words = choose.few_pictures(record).description
    gaps = [paired(by_seed(record, f"scratch, {n}"), by_seed(record, f"{way}, {n}")) for n in record["pictures"]]
    assert f"{said} {', '.join(f'{each.mean:+.1f} ± {each.half:.1f}' for each in gaps)}" in words
    lead = paired(by_seed(record, "frozen, 10"), by_seed(record, "tuned, 10"))
    assert f"fine-tuned minus frozen features: {lead.mean:+.1f} ± {lead.half:.1f} points" in words


def test_a_bridge_shows_the_pieces_that_change_and_wants_as_many_on_both_sides() -> None:
    words = choose.bridge("conv1|.conv.|weight", "conv1|.0.|weight").description
    assert "conv1.conv.weight above conv1.0.weight, piece by piece: “.conv.” becomes “.0.”." in words
    with pytest.raises(ValueError, match="shorter"):
        choose.bridge("conv1|.conv|.weight", "conv1|.0")


def test_frozen_layers_are_told_from_those_that_learn() -> None:
    assert "Frozen features: all but the last layer stay" in choose.three_ways().description


def test_the_control_draws_every_way_at_ten_pictures_and_counts_the_lines_that_rise() -> None:
    record = load_record("12_few_new")
    words = choose.control(record).description
    for arm in ("random", "frozen", "scratch", "tuned"):
        assert f"mean {100 * fmean(by_seed(record, f'{arm}, 10')):.1f}" in words
    pairs = zip(by_seed(record, "random, 10"), by_seed(record, "frozen, 10"), strict=True)
    assert f"{sum(after > before for before, after in pairs)} of 5 lines rise" in words


def test_errors_are_drawn_at_the_passes_of_networks_times_crops() -> None:
    words = choose.error_against_passes({(1, 1): 10.07, (1, 144): 7.89, (7, 10): 7.62}).description
    assert "one network: 1 10.07, 144 7.89; seven networks: 70 7.62." in words


def test_rows_of_garments_are_named_and_as_long_as_the_first() -> None:
    picture = choose.garments({"sharp": torch.zeros(3, 1, 4, 4), "soft": torch.ones(3, 1, 4, 4)})
    assert picture.description == "Rows of the same 3 pictures: sharp; soft."
    assert picture.svg.count("<image") == 1


def test_merged_kernels_show_all_values_and_an_exact_zero_as_such() -> None:
    one, two = torch.zeros(3, 3), torch.full((3, 3), -0.25)
    one[1, 1] = 0.5
    picture = choose.merged({"one": one, "two": two, "sum": one + two})
    assert "sum [-0.25, -0.25, -0.25, -0.25, 0.25," in picture.description
    shown = re.findall(r">(0|\N{MINUS SIGN}?\d\.\d{3})<", picture.svg)
    assert (shown.count("0"), shown.count("0.500"), shown.count("\N{MINUS SIGN}0.250")) == (8, 1, 17)
