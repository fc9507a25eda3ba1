"""Class activation maps and occlusion: the identity on the whole family, and both against slow loops."""

import pytest
import torch
from torch import nn

import inception_edu as ie
from inception_edu.course.challenge import challenge_network
from inception_edu.data.fashion import load_fashion
from inception_edu.data.files import asset
from inception_edu.explain import class_activation_map, class_maps, occlusion_map
from inception_edu.network import InceptionNet, classifier
from inception_edu.shorthand import chain
from inception_edu.train.loop import load

SMALL = {"num_classes": 7, "width": 0.1}
NETWORKS = {
    "nin_cifar10": SMALL,
    "nin_imagenet": SMALL | {"small": True},
    "googlenet": SMALL | {"small": True, "aux": True},
    "googlenet_torchvision": SMALL | {"small": True},
    "bn_inception": SMALL | {"small": True},
    "inception_v3": SMALL | {"small": True},
    "inception_v4": SMALL | {"small": True},
    "inception_resnet_v1": SMALL | {"small": True},
    "xception": SMALL | {"small": True},
    "light_inception": SMALL | {"small": True},
}


@pytest.fixture(scope="module")
def trained() -> InceptionNet:
    return load(asset("checkpoints/small_googlenet.safetensors"))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_mean_of_a_map_is_the_logit_in_the_whole_family(name: str) -> None:
    torch.manual_seed(0)
    net = ie.build(name, **NETWORKS[name]).double()
    images = torch.randn(2, 3, 64, 64, dtype=torch.double)
    maps = class_maps(net, images)
    assert net.training, "the network is given back as it came"
    with torch.no_grad():
        logits = net.eval()(images)
    assert maps.shape[:2] == (2, 7)
    assert logits.abs().max() > 1e-9
    assert torch.allclose(maps.mean((2, 3)), logits, rtol=1e-9, atol=1e-12)


def test_the_identity_holds_for_the_networks_that_readers_train(trained: InceptionNet) -> None:
    images = load_fashion("test").images[:8]
    for net in (trained, challenge_network().eval()):
        maps = class_activation_map(net, images)
        with torch.no_grad():
            assert torch.allclose(maps.mean((1, 2)), net(images).amax(1), atol=1e-4)


def test_a_map_is_the_linear_layer_at_every_position(trained: InceptionNet) -> None:
    images = load_fashion("test").images[:2]
    with torch.no_grad():
        features = trained.features(images)
        maps = class_maps(trained, images)
        for row in range(maps.shape[2]):
            for column in range(maps.shape[3]):
                expected = trained.classifier.linear(features[:, :, row, column])
                assert torch.allclose(maps[:, :, row, column], expected, atol=1e-4)


def test_a_class_can_be_chosen_for_all_images_or_for_each(trained: InceptionNet) -> None:
    images = load_fashion("test").images[:3]
    maps = class_maps(trained, images)
    assert torch.equal(class_activation_map(trained, images, 9), maps[:, 9])
    each = class_activation_map(trained, images, torch.tensor([1, 0, 9]))
    assert torch.equal(each, torch.stack([maps[0, 1], maps[1, 0], maps[2, 9]]))
    answers = maps.mean((2, 3)).argmax(1)
    assert torch.equal(class_activation_map(trained, images), class_activation_map(trained, images, answers))


def test_larger_pictures_get_larger_maps(trained: InceptionNet) -> None:
    images = load_fashion("test").images[:2]
    wide = torch.cat(list(images), 2)[None]
    assert class_activation_map(trained, images, 0).shape == (2, 3, 3)
    assert class_activation_map(trained, wide, 0).shape == (1, 3, 7)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(4 * 64, 3)), "it begins with Flatten"),
        (nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3)), "it begins with AdaptiveAvgPool2d"),
        (
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)),
            "not Flatten, Linear, ReLU, Linear",
        ),
    ],
)
def test_a_head_that_has_no_map_is_named(head: nn.Module, words: str) -> None:
    net = InceptionNet(chain(1, {"conv": (4, 3)}), head, name="odd")
    with pytest.raises(ValueError, match=f"^odd has no class activation map: .*{words}$"):
        class_maps(net, torch.zeros(1, 1, 8, 8))


def test_impossible_labels_are_refused(trained: InceptionNet) -> None:
    images = load_fashion("test").images[:2]
    with pytest.raises(ValueError, match="there is no class 10: the network has 10, from 0 to 9"):
        class_activation_map(trained, images, 10)
    with pytest.raises(ValueError, match="there is no class -1"):
        class_activation_map(trained, images, torch.tensor([0, -1]))
    with pytest.raises(ValueError, match=r"2 images need 2 labels or one, not labels of shape \(3,\)"):
        class_activation_map(trained, images, torch.tensor([0, 1, 2]))


@pytest.mark.parametrize("of", ["logit", "probability"])
@pytest.mark.parametrize(("size", "stride"), [(9, 5), (28, 1), (1, 13)])
def test_occlusion_is_the_loss_of_each_patch_by_itself(trained: InceptionNet, of: str, size: int, stride: int) -> None:
    image, label = load_fashion("test").images[0], 9

    def score(picture: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            logits = trained(picture[None])[0]
        return (logits if of == "logit" else logits.softmax(0))[label]

    before = image.clone()
    found = occlusion_map(trained, image, label, size, stride, of=of, fill=0.3, batch_size=4)
    side = (28 - size) // stride + 1
    assert found.shape == (side, side)
    assert torch.equal(image, before), "the picture is left as it was"
    for row in range(side):
        for column in range(side):
            picture = image.clone()
            picture[:, row * stride : row * stride + size, column * stride : column * stride + size] = 0.3
            assert found[row, column] == pytest.approx((score(image) - score(picture)).item(), abs=1e-4)


def test_only_a_patch_that_covers_something_matters() -> None:
    """The mean of all pixels: a patch of s x s over an image of ones takes s * s / pixels away."""
    net = InceptionNet({"same": nn.Identity()}, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), name="mean")
    image = torch.zeros(2, 6, 8)
    image[1, 2:4, 2:4] = 1
    drops = occlusion_map(net, image, 1, 2, 2)
    expected = torch.zeros(3, 4)
    expected[1, 1] = 4 / 48
    assert torch.allclose(drops, expected)
    assert torch.count_nonzero(occlusion_map(net, image, 0, 2, 2)) == 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": 0}, "a patch of 0 pixels moved by 3 is not possible"),
        ({"stride": 0}, "a patch of 5 pixels moved by 0 is not possible"),
        ({"size": 29}, "a patch of 29x29 does not fit into an image of 28x28"),
        ({"label": 10}, "there is no class 10"),
        ({"of": "rank"}, "`of` must be 'logit' or 'probability', not 'rank'"),
        ({"image": torch.zeros(1, 1, 28, 28)}, r"one image \(C, H, W\), not one of shape \(1, 1, 28, 28\)"),
    ],
)
def test_an_impossible_occlusion_is_refused(trained: InceptionNet, change: dict[str, object], words: str) -> None:
    settings = {"image": torch.zeros(1, 28, 28), "label": 0, "size": 5, "stride": 3} | change
    with pytest.raises(ValueError, match=words):
        occlusion_map(trained, **settings)


def test_classifiers_of_the_package_are_understood() -> None:
    for dropout in (0.0, 0.4):
        net = InceptionNet(chain(1, {"conv": (4, 3)}), classifier(4, 3, dropout))
        assert class_maps(net, torch.zeros(1, 1, 8, 8)).shape == (1, 3, 8, 8)
