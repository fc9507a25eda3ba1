"""Pages made from the package itself: one for each network of the family, and the reference of every public name."""

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import explorers
import torch

import inception_edu as ie
from inception_edu.course.differences import Differences
from inception_edu.family import Entry

CHAPTERS = {"nin": 1, "googlenet": 4, "bn_inception": 5, "inception_v3": 6, "inception_v4": 7, "inception_resnet": 8}
CHAPTERS |= {"xception": 9, "lightweight": 9}
EXPLORERS = {"nin": "head_size", "googlenet": "inception_block", "inception_v3": "grid_reduction"}
EXPLORERS |= {"inception_v4": "reduction_klmn", "inception_resnet": "residual_scale", "lightweight": "separable"}
EXPLORERS |= {"xception": "separable"}


def scrolled(what: str, html: str, *, whole_words: bool = False) -> str:
    """HTML that scrolls by itself where the page is narrow, from the keyboard too."""
    kind = "ie-scroll" + (" ie-whole" if whole_words else "")
    return f'<div class="{kind}" role="region" tabindex="0" aria-label="{what}">\n{html}</div>'


MODULES = (
    *("arithmetic", "bricks", "layers", "tracing", "reading", "shorthand", "network", "family", "running"),
    *("agreement", "fusion", "checkpoints", "explain"),
    *("show.drawing", "show.tables", "show.describing", "show.palette"),
    *("data.fashion", "data.text", "data.weights", "train.loop", "train.recipes"),
)


def table(heads: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    """A table in Markdown."""
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def network_page(entry: Entry) -> str:
    """Drawing, table, published figures, where sources differ, the blocks' source, and an explorer if there is one."""
    with torch.device("meta"):
        node = ie.trace(ie.build(entry.name), entry.image)
    home = import_module(f"inception_edu.models.{entry.home}")
    parts = [f"# {entry.title}", f"{entry.paper} ({entry.year})." + (f" In short: {entry.note}." if entry.note else "")]
    size = "x".join(map(str, entry.image))
    parts.append(
        f"{entry.params:,} parameters and {entry.macs:,} MACs for an image of {size}, without auxiliary heads. A MAC "
        "is one multiply-add; those of convolutions and linear layers are counted."
    )
    parts.append(f'```python\nimport inception_edu as ie\n\nnet = ie.build("{entry.name}")\n```')
    parts += [
        "## The network, drawn",
        scrolled("The drawing", str(ie.diagram(node))),
    ]
    if entry.published:
        rows = ((each.figure, each.setting, each.source) for each in entry.published)
        parts += ["## What was published", table(("figure", "measured on", "source"), rows)]
        parts.append(
            "Nothing in this table was measured here. Two figures are comparable only if the second column is the same."
        )
    else:
        parts += ["## What was published", "No figure was published for this network by itself."]
    if (name := EXPLORERS.get(entry.home)) in explorers.NAMES:
        parts += ["## Try it", explorers.shown(name)]
    parts += [
        "## What each part costs",
        scrolled("What each part costs", ie.summary(node, depth=1)._repr_html_(), whole_words=True),
    ]
    rows_here = [row for row in Differences.read().rows if row.chapter == CHAPTERS[entry.home] and _about(entry, row)]
    if rows_here:
        parts += [
            "## Where sources differ",
            scrolled("Where sources differ", Differences(tuple(rows_here))._repr_html_()),
        ]
    source = inspect.getsource(home)
    parts += [
        "## Its blocks, as this course writes them",
        f"`inception_edu/models/{entry.home}.py`; a test holds the network to its reference.",
        f"```python\n{source.rstrip()}\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _about(entry: Entry, row: Any) -> bool:
    """Whether a difference belongs to this network and not to another of the same chapter."""
    number = re.search(r"v[1-4]", entry.name)
    named = set(re.findall(r"v[1-4]", row.place.lower().replace("-", "")))
    return not named or number is None or number[0] in named


def networks() -> Iterator[tuple[str, str]]:
    """Path and text of every page about a network, and of the page that lists them."""
    for name, entry in ie.FAMILY.items():
        yield f"networks/{name}.md", network_page(entry)
    rows = (
        (f"[{e.title}]({name}.md)", e.year, "x".join(map(str, e.image)), f"{e.params:,}", f"{e.macs:,}")
        for name, e in ie.FAMILY.items()
    )
    listed = table(("network", "year", "image", "parameters", "MACs"), rows)
    names = "\n".join(ie.FAMILY)
    yield (
        "networks/index.md",
        "# The networks\n\nEvery network of the family, in the order of publication, as this course builds it.\n\n"
        f"{listed}\n\n```{{toctree}}\n:hidden:\n{names}\n```\n",
    )


def docstring(thing: Any) -> str:
    """A docstring as Markdown: its examples become blocks of code."""
    text = inspect.getdoc(thing) or ""
    return re.sub(
        r"(?m)((?:^>>> .*\n?(?:^(?!>>>)\S.*\n?)*)+)", lambda found: f"```pycon\n{found[1].rstrip()}\n```\n", text
    )


def entry_for(name: str, thing: Any, level: int) -> str:
    """Heading, signature and docstring of one name; of a class, its public methods too."""
    try:
        signature = str(inspect.signature(thing)) if callable(thing) else ""
    except ValueError:
        signature = ""
    signature = re.sub(r"<function (\w+)[^>]*>|<class '(?:\w+\.)*(\w+)'>", r"\1\2", signature)
    signature = re.sub(r"(?:\w+\.)+(?=[A-Z])", "", signature)  # the names alone, as the source writes them
    if len(name + signature) > 78:
        signature = re.sub(r"(?<=[(,]) ?(?=[*\w]+[:,=)])(?![^\[]*\])", "\n    ", signature)
    kind = "class " if inspect.isclass(thing) else ""
    parts = [
        f"{'#' * level} `{name}`",
        f"```python\n{kind}{name}{signature}\n```" if callable(thing) else "",
        docstring(thing),
    ]
    if inspect.isclass(thing):
        for method, function in vars(thing).items():
            shown = function.fget if isinstance(function, property) else getattr(thing, method)
            if (
                not method.startswith("_")
                and callable(shown)
                and method not in ("forward", "extra_repr")
                and docstring(shown)
            ):
                parts.append(f"**`{name}.{method}`** {docstring(shown)}")
    return "\n\n".join(part for part in parts if part)


def public(module: ModuleType) -> dict[str, Any]:
    """The functions and classes that a module defines and does not hide."""
    found = {name: thing for name, thing in vars(module).items() if not name.startswith("_")}
    here = {n: t for n, t in found.items() if getattr(t, "__module__", None) == module.__name__}
    return {n: t for n, t in here.items() if inspect.isfunction(t) or inspect.isclass(t)}


def reference() -> Iterator[tuple[str, str]]:
    """Path and text of the pages of the reference: the face first, then each module in reading order."""
    face = [entry_for(f"ie.{name}", getattr(ie, name), 2) for name in sorted(ie.__all__) if name != "FAMILY"]
    listed = "\n".join(name.replace(".", "_") for name in MODULES)
    yield (
        "reference/index.md",
        f"# Reference\n\n{docstring(ie)}\n\n" + "\n\n".join(face) + f"\n\n```{{toctree}}\n:hidden:\n{listed}\n```\n",
    )
    for name in MODULES:
        module = import_module(f"inception_edu.{name}")
        text = "\n\n".join(entry_for(n, thing, 2) for n, thing in public(module).items() if docstring(thing))
        yield f"reference/{name.replace('.', '_')}.md", f"# `inception_edu.{name}`\n\n{docstring(module)}\n\n{text}\n"
