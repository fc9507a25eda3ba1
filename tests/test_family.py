"""The registry, and what the package imports."""

import subprocess
import sys

import pytest
import torch

import inception_edu as ie


def test_the_names_and_their_order():
    assert " ".join(ie.FAMILY) == (
        "nin_cifar10 nin_imagenet googlenet googlenet_torchvision bn_inception inception_v3 inception_v4 "
        "inception_resnet_v1 inception_resnet_v2_paper inception_resnet_v2 xception light_inception"
    )
    years = [entry.year for entry in ie.FAMILY.values()]
    assert years == sorted(years)


@pytest.mark.parametrize("name", ie.FAMILY)
def test_every_entry_says_what_its_builder_builds(name):
    entry = ie.FAMILY[name]
    with torch.device("meta"):
        net = ie.build(name)
    node = ie.trace(net, entry.image)
    assert net.name == name == entry.name
    assert node.params == entry.params == sum(p.numel() for p in net.parameters())
    assert node.macs == entry.macs
    assert all(result.figure and result.setting and result.source for result in entry.published)


def test_a_wrong_name_gets_the_nearest_and_the_list():
    with pytest.raises(ValueError, match=r"no network 'inceptoin_v3' .* did you mean 'inception_v3'\? .* nin_cifar10,"):
        ie.build("inceptoin_v3")


def test_a_wrong_option_gets_the_options():
    with pytest.raises(TypeError, match="no option 'widht'; its options are num_classes, in_channels, width"):
        ie.build("googlenet", widht=0.5)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"width": 0}, "a width factor of 0 leaves no channels"),
        ({"width": -1.5}, "a width factor of -1.5 leaves no channels"),
        ({"num_classes": 0}, "at least 1 class, got 0"),
        ({"in_channels": 0}, "from 0 to 64 channels"),
    ],
)
def test_impossible_values_are_refused_with_the_number(options, words):
    with pytest.raises(ValueError, match=words):
        ie.build("googlenet", **options)


def test_the_public_names_are_there_and_others_are_not():
    for name in ie.__all__:
        assert getattr(ie, name) is not None
    assert dir(ie) == sorted(ie.__all__)
    assert {"ConvUnit", "Concat", "Residual", "branch", "agree", "trace", "summary", "diagram"} <= set(dir(ie))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = ie.nonsense  # type: ignore[attr-defined]


def test_functions_stay_functions_when_their_modules_are_imported():
    """A package attribute and a submodule of one name would overwrite each other."""
    code = (
        "import inception_edu as ie, inception_edu.tracing, inception_edu.show.tables, inception_edu.show.drawing, "
        "inception_edu.checkpoints, inception_edu.models.googlenet\n"
        "assert all(callable(getattr(ie, n)) for n in ('trace', 'summary', 'diagram', 'load_checkpoint', 'build'))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
