"""The command line: `python -m inception_edu family`, `... cost NAME`, `... draw NAME [PART] -o FILE`."""

import argparse
import json
import sys
from typing import TYPE_CHECKING

from tabulate import tabulate

from . import FAMILY, build
from .files import write_whole

if TYPE_CHECKING:
    from .tracing import Node


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; a bad argument is answered by one sentence on stderr and exit code 2."""
    parser = argparse.ArgumentParser(
        prog="python -m inception_edu", description="The Inception family, priced and drawn."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("family", help="list the networks")
    cost = commands.add_parser("cost", help="shapes, parameters and MACs of a network, computing nothing")
    draw = commands.add_parser("draw", help="draw a network or a part of it as SVG")
    for command in (cost, draw):
        command.add_argument("name", help="a name that `family` lists")
        command.add_argument("--size", type=int, help="side of the square image in pixels (default: the paper's)")
        command.add_argument("--classes", type=int, help="number of classes")
        command.add_argument("--channels", type=int, help="channels of the image")
        command.add_argument("--width", type=float, help="factor on every channel count")
        command.add_argument("--small", action="store_true", help="the stem for images of 28 to 64 pixels")
        command.add_argument("--aux", action="store_true", help="with auxiliary heads")
        command.add_argument("--depth", type=int, help="levels to open")
    cost.add_argument("--format", choices=("text", "json", "html"), default="text")
    draw.add_argument("part", nargs="?", help="a part, such as inception_3a, or `stem` for all before the first block")
    draw.add_argument("-o", "--output", help="file to write (default: standard output)")
    options = parser.parse_args(arguments)
    try:
        {"family": _family, "cost": _cost, "draw": _draw}[options.command](options)
    except (ValueError, TypeError, KeyError, OSError) as error:
        message = error.args[0] if isinstance(error, KeyError) else error
        print(f"inception_edu: {message}", file=sys.stderr)
        return 2
    return 0


def _family(options: argparse.Namespace) -> None:
    rows = [
        (e.name, e.year, " x ".join(map(str, e.image)), f"{e.params:,}", f"{e.macs:,}", e.title)
        for e in FAMILY.values()
    ]
    headers = ("name", "year", "image", "parameters", "MACs", "title")
    sides = ("left", "right", "right", "right", "right", "left")
    print(tabulate(rows, headers, "simple", colalign=sides, disable_numparse=True))


def _trace(options: argparse.Namespace) -> "Node":
    """The network that the options describe, traced; on the meta device, because no weight is needed."""
    import torch

    from .tracing import trace

    asked = {
        "num_classes": options.classes,
        "in_channels": options.channels,
        "width": options.width,
        "small": options.small or None,
        "aux": options.aux or None,
    }
    with torch.device("meta"):
        net = build(options.name, **{key: value for key, value in asked.items() if value is not None})
    channels, height, width = FAMILY[options.name].image
    size = (options.size, options.size) if options.size is not None else (height, width)
    return trace(net, (options.channels if options.channels is not None else channels, *size))


def _cost(options: argparse.Namespace) -> None:
    from .tables import summary

    table = summary(_trace(options), 1 if options.depth is None else options.depth)
    if options.format == "json":
        print(json.dumps({"title": table.title, "rows": table.records()}, indent=1))
    else:
        print(table._repr_html_() if options.format == "html" else table)


def _draw(options: argparse.Namespace) -> None:
    from .drawing import diagram
    from .network import stem

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


if __name__ == "__main__":
    sys.exit(main())
