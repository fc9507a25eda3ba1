"""The settings of an explorer: numbers and names, declared once with their controls, and checked in Python too."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from html import escape
from numbers import Integral
from typing import TYPE_CHECKING, Any, TypeVar

from ..show.html import drawings_as_images

if TYPE_CHECKING:
    from .panel import Panel


def knob(default: float, label: str, low: float, high: float, step: float = 1) -> Any:
    """A number from `low` to `high` inclusive, moved in steps; where `step` is whole, so is the number."""
    return field(default=default, metadata={"label": label, "low": low, "high": high, "step": step})


def choice(default: str, label: str, choices: Iterable[str]) -> Any:
    """One of some names."""
    return field(default=default, metadata={"label": label, "choices": tuple(choices)})


@dataclass(frozen=True)
class Settings:
    """Base of what an explorer shows; its fields are `knob`s and `choice`s, in the order of the controls.

    Raises ValueError for what is not a number, not whole where it should be, out of range, or not one of the names.
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            object.__setattr__(self, each.name, _allowed(getattr(self, each.name), **each.metadata))

    def view(self) -> str:
        """HTML: the drawing and the tables."""
        raise NotImplementedError

    def sentence(self) -> str:
        """What the view shows, in one sentence or two."""
        raise NotImplementedError

    def versus(self, pinned: Any) -> str:
        """How this differs from another setting of the same class, in one sentence; "" if there is nothing to say."""
        return ""


S = TypeVar("S", bound=Settings)


def _allowed(value: Any, label: str, low: float = 0, high: float = 0, step: float = 1, choices: Any = ()) -> Any:
    if choices:
        if isinstance(value, str) and value in choices:
            return value
        wanted = f"one of {', '.join(choices)}"
    else:
        whole = isinstance(step, int)
        number = isinstance(value, (int, float, Integral)) and not isinstance(value, bool)
        if number and low <= value <= high and not (whole and value % 1):
            return int(value) if whole else float(value)
        wanted = f"a {'whole ' if whole else ''}number from {low:,} to {high:,}"
    raise ValueError(f"{label} must be {wanted}, not {value!r:.40}")


def read(kind: type[S], values: Mapping[str, Any]) -> S:
    """Settings from their names and values; raises ValueError for extra or missing names, and as `kind` does."""
    names = [each.name for each in fields(kind)]
    if set(values) != set(names):
        raise ValueError(f"the settings must be {', '.join(names)}, not {', '.join(map(str, values)) or 'none':.200}")
    return kind(**values)


def page(setting: Settings, pinned: Settings | None = None) -> str:
    """HTML: the sentence, how the setting differs from a pinned one, and the view."""
    change = setting.versus(pinned) if pinned and pinned != setting else ""
    said = f'<p class="ie-said"><b>{escape(setting.sentence())}</b></p>'
    return said + (f"<p>{escape(change)}</p>" if change else "") + setting.view()


def start(title: str, kind: type[S], presets: Mapping[str, S]) -> dict[str, Any]:
    """What a panel begins with, as plain data: controls and presets in order, the values of the first preset."""
    named = [{"name": name, "values": asdict(preset)} for name, preset in presets.items()]
    controls = [{"name": each.name, **each.metadata} for each in fields(kind)]
    return {"title": title, "controls": controls, "presets": named, "values": named[0]["values"]}


def answer(kind: type[S], values: Mapping[str, Any], pinned: Mapping[str, Any]) -> dict[str, str]:
    """What a panel shows for `values` and, unless it is empty, for a `pinned` setting: HTML, and a sentence to be said.

    Values that cannot be are answered by the reason, in words.
    """
    now, kept = _read_or_refuse(kind, values), _read_or_refuse(kind, pinned) if pinned else None
    return {
        "html": _page(now, kept if isinstance(kept, Settings) else None),
        "sentence": now.sentence() if isinstance(now, Settings) else _reason(now),
        "pinned_html": _page(kept) if kept else "",
    }


def _read_or_refuse(kind: type[S], values: Mapping[str, Any]) -> S | ValueError:
    try:
        return read(kind, values)
    except ValueError as error:
        return error


def _reason(error: ValueError) -> str:
    return f"This setting is not possible: {error}."


def _page(now: Settings | ValueError, pinned: Settings | None = None) -> str:
    if isinstance(now, Settings):
        return page(now, pinned)
    return f'<p class="ie-impossible"><b>{escape(_reason(now))}</b></p>'


RUN_FIRST = "<p><em>Run this cell to move the sliders.</em></p>"
"""What a still begins with in a notebook; a page of the website has other words there."""


def still(html: str) -> str:
    """`page` for where no widget runs; it reads the same once JupyterLab has sanitised it."""
    return f'<div class="ie-still">{RUN_FIRST}{drawings_as_images(html)}</div>'


def odd(kernel: int) -> None:
    """Raises ValueError for an even kernel, which "same" padding cannot centre, and names the two nearest odd ones."""
    if kernel % 2 == 0:
        raise ValueError(f"a {kernel}x{kernel} kernel has no centre cell: take {kernel - 1} or {kernel + 1}")


def explorer(title: str, kind: type[S], presets: Mapping[str, S]) -> "Panel":
    """The widget: sliders, lists and presets next to the view; it starts on the first preset."""
    from .panel import Panel  # only here, so that all else runs where there are no widgets

    return Panel(title, kind, presets)
