import pytest

from inception_edu.train.recipes import RECIPES, SETTINGS, Recipe, recipe_for, with_heads


@pytest.mark.parametrize(
    ("name", "epoch", "rate"),
    [
        ("googlenet", 7.99, 0.01),  # 4 % less every 8 epochs
        ("googlenet", 8, 0.01 * 0.96),
        ("googlenet", 249, 0.01 * 0.96**31),
        ("bn_inception", 1.3, 0.045),  # 30 times 0.0015, lowered six times as often
        ("bn_inception", 8, 0.045 * 0.96**6),
        ("bn_inception", 148, 0.045 * 0.96**111),
        ("inception_v3", 1.99, 0.045),  # 6 % less every 2 epochs
        ("inception_v3", 99, 0.045 * 0.94**49),
        ("inception_v4", 2, 0.045 * 0.94),
        ("inception_resnet_v2", 2, 0.045 * 0.94),
        ("xception", 99, 0.045 * 0.94**49),
    ],
)
def test_learning_rates_of_the_papers(name: str, epoch: float, rate: float) -> None:
    assert RECIPES[name].learning_rate(epoch) == pytest.approx(rate, rel=1e-12)


def test_what_the_papers_say_is_not_called_ours() -> None:
    said = {
        "googlenet": {"momentum": 0.9, "lr_factor": 0.96, "lr_every": 8, "aux_weight": 0.3, "min_area": 0.08},
        "bn_inception": {"lr": 0.045, "batch": 32},
        "inception_v3": {"lr": 0.045, "rms_decay": 0.9, "epsilon": 1.0, "label_smoothing": 0.1, "clip_norm": 2.0},
        "inception_v4": {"lr": 0.045, "lr_factor": 0.94, "lr_every": 2, "rms_decay": 0.9, "epsilon": 1.0},
        "xception": {"momentum": 0.9, "lr": 0.045, "weight_decay": 1e-5},
    }
    for name, values in said.items():
        assert {key: getattr(RECIPES[name], key) for key in values} == values
        assert not set(RECIPES[name].ours) & set(values)
    assert RECIPES["bn_inception"].epochs * 1_281_167 / 32 == pytest.approx(6e6, rel=0.01)
    assert RECIPES["inception_v3"].batch == 50 * 32
    assert [RECIPES[name].optimizer for name in said] == ["sgd", "sgd", "rmsprop", "rmsprop", "sgd"]


def test_what_the_papers_leave_open_is_chosen_alike_but_for_bn_inceptions_fewer_distortions() -> None:
    """Its paper distorts images less (§4.2.1): a network that learns faster sees each of them fewer times."""
    crops = {name: (recipe.min_area, recipe.max_aspect, recipe.jitter) for name, recipe in RECIPES.items()}
    assert crops.pop("bn_inception") == (0.08, 4 / 3, 0.1)
    assert set(crops.values()) == {(0.08, 4 / 3, 0.4)}


@pytest.mark.parametrize("recipe", dict.fromkeys(RECIPES.values()), ids=lambda recipe: recipe.source[:20])
def test_only_settings_are_ours(recipe: Recipe) -> None:
    assert set(recipe.ours) < set(SETTINGS)
    assert len(set(recipe.ours)) == len(recipe.ours)
    assert "arXiv" in recipe.source


def test_a_changed_value_is_the_readers() -> None:
    changed = RECIPES["googlenet"].changed({"lr": 0.1, "clip_norm": 1.0})
    assert (changed.lr, changed.clip_norm, changed.momentum) == (0.1, 1.0, 0.9)
    assert "lr" not in changed.ours
    assert "batch" in changed.ours


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("epochs", 0, "epochs=0 cannot be used: it must be a whole number of at least 1"),
        ("batch", 2.5, "whole number"),
        ("lr", "much", "lr='much' .* a number above 0"),
        ("lr", float("nan"), "a number above 0"),
        ("lr", True, "a number above 0"),
        ("optimizer", "adam", "sgd or rmsprop"),
        ("clip_norm", 0, "or null not to clip"),
        ("label_smoothing", 1.5, "a number from 0 to 1"),
        ("max_aspect", 0.75, "from 1 to 100"),
    ],
)
def test_values_that_cannot_be_used(key: str, value: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        RECIPES["googlenet"].changed({key: value})


def test_a_network_has_its_papers_recipe() -> None:
    assert recipe_for("inception_resnet_v1") is RECIPES["inception_v4"]
    assert recipe_for("nin_cifar10", "googlenet") is RECIPES["googlenet"]
    with pytest.raises(ValueError, match=r"nin_cifar10 has no recipe of its own: choose one with --recipe"):
        recipe_for("nin_cifar10")
    with pytest.raises(ValueError, match="no recipe 'v3'"):
        recipe_for("inception_v3", "v3")


def test_heads_are_built_where_they_count() -> None:
    recipe = RECIPES["googlenet"]
    assert with_heads("googlenet", recipe, {"width": 0.5}) == {"aux": True, "width": 0.5}
    assert with_heads("googlenet", recipe, {"aux": False}) == {"aux": False}
    assert with_heads("googlenet", recipe.changed({"aux_weight": 0}), {}) == {"aux": False}
    assert with_heads("bn_inception", recipe, {}) == {}
