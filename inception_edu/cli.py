"""The command line: `inception-edu`, then `family`, `cost`, `draw`, `train`, `evaluate` or `selftest`."""

import argparse
import inspect
import json
import os
import runpy
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from . import FAMILY, build
from .data.files import write_whole
from .train.recipes import ABOUT, IMAGENET, RECIPES, SETTINGS, recipe_for

if TYPE_CHECKING:
    from .tracing import Node


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; a bad argument is answered with one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="inception-edu", description="Price, draw and train the networks of the Inception family."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("family", help="list the networks")
    cost = commands.add_parser("cost", help="shapes, parameters and MACs of a network, without running it")
    draw = commands.add_parser("draw", help="draw a network or a part of it as SVG")
    for command in (cost, draw):
        command.add_argument("name", nargs="?", help="a name that `family` lists")
        command.add_argument(
            "--module",
            metavar="FILE.py:NAME",
            help="your own network, or a class or function that makes it",
        )
        command.add_argument(
            "--size", type=int, help="side of the square image in pixels (default: the paper's, or 224)"
        )
        command.add_argument("--classes", type=int, help="number of classes")
        command.add_argument("--channels", type=int, help="channels of the image")
        command.add_argument("--width", type=float, help="factor for every channel count")
        command.add_argument("--small", action="store_true", help="the stem for images of 28 to 64 pixels")
        command.add_argument("--aux", action="store_true", help="with auxiliary heads")
        command.add_argument("--depth", type=int, help="how many levels of the network to show")
    cost.add_argument("--format", choices=("text", "json", "html"), default="text")
    draw.add_argument(
        "part", nargs="?", help="a part, such as inception_3a, or `stem` for everything before the first block"
    )
    draw.add_argument("-o", "--output", help="file to write (default: standard output)")
    _add_training(commands)
    commands.add_parser("selftest", help="check in a few seconds whether this installation works")
    options = parser.parse_args(arguments)
    if options.command == "draw" and options.module and options.name:
        options.part, options.name = options.name, None  # `draw --module FILE.py:NAME PART`
    run: dict[str, Callable[[argparse.Namespace], int | None]] = {
        "family": _family,
        "cost": _cost,
        "draw": _draw,
        "train": _train,
        "evaluate": _evaluate,
        "selftest": _selftest,
    }
    try:
        return run[options.command](options) or 0
    except (ValueError, TypeError, KeyError, OSError, ImportError, FloatingPointError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"inception-edu: {message}", file=sys.stderr)
        return 2


def _selftest(options: argparse.Namespace) -> int:
    """Prints a line for each check; 1 if any of them failed."""
    from .selftest import run

    failed = 0
    for good, words in run():
        failed += not good
        print(f"{'ok    ' if good else 'FAILED'}  {words}", flush=True)
    print(f"{failed} failed: this installation does not work as it should" if failed else "everything works")
    return int(failed > 0)


def _family(options: argparse.Namespace) -> None:
    rows = [
        (e.name, e.year, " x ".join(map(str, e.image)), f"{e.params:,}", f"{e.macs:,}", e.title)
        for e in FAMILY.values()
    ]
    headers = ("name", "year", "image", "parameters", "MACs", "title")
    sides = ("left", "right", "right", "right", "right", "left")
    print(tabulate(rows, headers, "simple", colalign=sides, disable_numparse=True))


def _trace(options: argparse.Namespace) -> "Node":
    """The network that the options describe, traced."""
    import torch

    from .tracing import trace

    asked = {
        "num_classes": options.classes,
        "in_channels": options.channels,
        "width": options.width,
        "small": options.small or None,
        "aux": options.aux or None,
    }
    given = {key: value for key, value in asked.items() if value is not None}
    if (options.name is None) == (options.module is None):
        raise ValueError("say which network: a name that `inception-edu family` lists, or --module FILE.py:NAME")
    if options.module:
        net, image = _own(options.module, given), (3, 224, 224)
    else:
        with torch.device("meta"):
            net = build(options.name, **given)
        image = FAMILY[options.name].image
    size = image[1:] if options.size is None else (options.size, options.size)
    return trace(net, (image[0] if options.channels is None else options.channels, *size))


def _own(where: str, options: dict[str, Any]) -> Any:
    """The network that `FILE.py:NAME` is, or makes from the options that were given. Runs the file."""
    from torch import nn

    path, colon, name = where.rpartition(":")
    if not colon:
        raise ValueError(f"--module {where} names no class: write FILE.py:NAME")
    if not os.path.isfile(path):
        raise ValueError(f"there is no file {path}")
    made = runpy.run_path(path).get(name)
    if made is None:
        raise ValueError(f"{path} does not define {name}")
    if not isinstance(made, nn.Module) and callable(made):
        # A network of one's own need not have an option for the image's channels, which --channels gives.
        known = inspect.signature(made).parameters
        try:
            made = made(**{key: value for key, value in options.items() if key != "in_channels" or key in known})
        except TypeError as error:
            raise TypeError(f"{name} in {path} cannot be called with these options: {error}") from error
    if not isinstance(made, nn.Module):
        raise TypeError(f"{name} in {path} makes an object of type {type(made).__name__}, not an nn.Module")
    return made


def _cost(options: argparse.Namespace) -> None:
    from .show.tables import summary

    table = summary(_trace(options), depth=1 if options.depth is None else options.depth)
    if options.format == "json":
        print(json.dumps({"title": table.title, "rows": table.records()}, indent=1))
    else:
        print(table._repr_html_() if options.format == "html" else table)


def _draw(options: argparse.Namespace) -> None:
    from .network import stem
    from .show.drawing import diagram

    node = _trace(options)
    if options.part == "stem":
        node = stem(node)
    elif options.part:
        node = node[options.part]
    svg = diagram(node) if options.depth is None else diagram(node, depth=options.depth)
    if options.output:
        print(f"wrote {write_whole(options.output, svg)}")
    else:
        print(svg)


def _add_training(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    train = commands.add_parser("train", help="train a network by a paper's recipe, or estimate what that would take")
    train.add_argument("name", help="a name that `family` lists")
    train.add_argument("--data", help="folder with train/CLASS/ and val/CLASS/, or `fashion`, which is in the package")
    train.add_argument("--out", dest="folder", help="folder for the checkpoint, the weights and the log")
    train.add_argument("--resume", action="store_true", help="continue from the checkpoint in --out, if there is one")
    train.add_argument("--recipe", help=f"default: the network's own; {', '.join(RECIPES)}")
    train.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the network, such as width=0.5"
    )
    train.add_argument("--size", type=int, help="side of the square crops in pixels (default: the paper's)")
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--devices", type=int, default=1, help="processes on each machine, one accelerator each")
    train.add_argument("--nodes", type=int, default=1, help="machines; start the command with torchrun on each")
    train.add_argument("--accelerator", default="auto", help="cpu, cuda, mps (default: the best available)")
    train.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    train.add_argument("--save-every", type=int, default=500, metavar="STEPS", help="steps between two checkpoints")
    train.add_argument("--tensorboard", action="store_true", help="also write the log for TensorBoard")
    settings = train.add_argument_group("settings that replace the recipe's")
    for name in SETTINGS:
        option = f"--{name.replace('_', '-')}"
        settings.add_argument(option, metavar="VALUE", type=_value, default=argparse.SUPPRESS, help=ABOUT.get(name))
    estimate = train.add_argument_group("to estimate instead of training (see inception_edu/train/estimate.py)")
    estimate.add_argument("--estimate", action="store_true", help="memory, steps and hours, with all assumptions")
    estimate.add_argument("--images", type=int, default=IMAGENET, help=f"default: ImageNet's {IMAGENET:,}")
    estimate.add_argument("--tflops", type=float, help="peak of one accelerator (default: an A100's)")
    estimate.add_argument("--utilisation", type=float, help="the share of that peak that training reaches")
    estimate.add_argument(
        "--scaling", type=float, help="the share of their summed speed that several accelerators reach"
    )

    evaluate = commands.add_parser(
        "evaluate", help="top-1 and top-5 accuracy of trained networks, each alone and all as an ensemble"
    )
    evaluate.add_argument("runs", nargs="+", metavar="RUN", help="a folder that `train` made")
    evaluate.add_argument("--data", help="default: what the first run was trained on")
    evaluate.add_argument("--split", default="val", help="folder in the data (default: val)")
    evaluate.add_argument("--crops", type=int, choices=(1, 10), default=1)
    for command in (train, evaluate):
        command.add_argument("--workers", type=int, default=0, help="processes that read images, for each process")


def _value(text: str) -> Any:
    """What JSON makes of a text, or the text: 0.5, true, null, [1, 2], sgd."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"--set {text} sets nothing: write KEY=VALUE")
    return key, _value(value)


def _call(function: Callable[..., Any], options: argparse.Namespace, /, **more: Any) -> Any:
    """Calls a function with those options that it has a parameter for, and with `more`."""
    known = inspect.signature(function).parameters
    return function(**{key: value for key, value in vars(options).items() if key in known} | more)


def _train(options: argparse.Namespace) -> None:
    recipe = recipe_for(options.name, options.recipe)
    recipe = recipe.changed({key: value for key, value in vars(options).items() if key in SETTINGS})
    chosen = {"recipe": recipe, "options": dict(map(_pair, options.set))}
    if options.estimate:
        from .train.estimate import estimate

        print(_call(estimate, options, **chosen))
        return
    if not options.data or not options.folder:
        raise ValueError("train needs --data and --out; with --estimate it only says what training would take")
    trainer = _trainer()
    plan = _call(trainer.make_plan, options, **chosen)
    first = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", 0))) == 0  # of the processes that work together
    if first:
        print(f"recipe: {recipe.source}; our choice: {', '.join(recipe.ours) or 'nothing'}", file=sys.stderr)
    try:
        _call(trainer.train, options, plan=plan)
    except KeyboardInterrupt:
        raise ValueError(
            f"stopped; the same command with --resume continues from what is in {options.folder}"
        ) from None
    if first:
        print(f"wrote {options.folder}")


def _evaluate(options: argparse.Namespace) -> None:
    table = [
        (run, options.crops, row["valid_loss"], f"{row['top1']:.2%}", f"{row['top5']:.2%}")
        for run, row in _call(_trainer().evaluate, options).items()
    ]
    print(tabulate(table, ("run", "crops", "loss", "top-1", "top-5"), "simple", floatfmt=".4f"))


def _trainer() -> Any:
    """The module that trains. Raises ImportError, saying what to install, if something it imports is missing."""
    try:
        from .train import run as trainer
    except ImportError as error:
        raise ImportError(f"{error}: training needs pip install 'inception-edu[train]'") from error
    except RuntimeError as error:  # it asks torch for operators that its compiled part did not bring
        import torch

        command = torchvision_for(torch.__version__)
        raise ImportError(f"the installed torchvision does not fit torch {torch.__version__}: run {command}") from error
    return trainer


def torchvision_for(torch: str) -> str:
    """The command that installs the torchvision which was built with a version of torch, from where that torch came.

    PyPI has one build of each version. torch's own index has several, and their versions end in "+" and its folder.
    """
    version, _, build = torch.partition("+")
    _, minor, patch = version.split(".", 2)
    index = f" --index-url https://download.pytorch.org/whl/{build}" if build else ""
    # torch 2.4.1 and torchvision 0.19.1 were released together, as were torch 2.13.0 and torchvision 0.28.0.
    return f"pip install --force-reinstall --no-deps{index} torchvision==0.{int(minor) + 15}.{patch}"
