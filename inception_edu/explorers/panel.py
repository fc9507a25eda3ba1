"""The one widget behind every explorer: sliders, number fields, presets and a pinned setting beside a view.

The view is a plain Python function from numbers to HTML, so everything that an explorer says can
be tested without a browser. The browser side (`panel.js`) only moves numbers and shows what comes
back. It uses native inputs, which work from the keyboard and carry their labels to a screen reader.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Control:
    """One number that the reader may change, between `low` and `high` inclusive: a slider and a number field.

    With `choices` it is a list to choose from instead, and the number is the position in it: see `choose`.
    """

    label: str
    low: float
    high: float
    step: float = 1
    choices: tuple[str, ...] = ()


def choose(label: str, *choices: str) -> Control:
    """A control that offers names; its value is the position of the chosen one, from 0."""
    return Control(label, 0, len(choices) - 1, choices=choices)


@dataclass(frozen=True)
class View:
    """What an explorer shows: HTML for the eye, and one sentence that says the same to a screen reader."""

    html: str
    sentence: str


def escape_reason(error: ValueError) -> View:
    """The view of a setting that cannot exist: the reason, in words."""
    text = str(error).replace("&", "&amp;").replace("<", "&lt;")
    return View(f'<p class="ie-impossible"><b>This cannot exist:</b> {text}.</p>', f"This cannot exist: {error}.")


class Panel(anywidget.AnyWidget):
    """Controls on one side, the view of their values on the other; `pin` keeps one setting beside the next.

    Where no browser runs the widget, its `text/html` is the view itself, as it stands.
    """

    _esm = (_HERE / "panel.js").read_text(encoding="utf-8")
    _css = (_HERE / "panel.css").read_text(encoding="utf-8")

    title = traitlets.Unicode().tag(sync=True)
    controls = traitlets.Dict().tag(sync=True)
    presets = traitlets.Dict().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    pinned = traitlets.Dict().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)
    pinned_html = traitlets.Unicode().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        title: str,
        controls: Mapping[str, Control],
        presets: Mapping[str, Mapping[str, float]],
        view: Callable[..., View],
    ) -> None:
        """`view` takes a keyword for each control and, once a setting is pinned, `reference`, a dict of its values."""
        self._view = view
        super().__init__(
            title=title,
            controls={name: asdict(control) for name, control in controls.items()},
            presets={name: dict(values) for name, values in presets.items()},
            values=dict(next(iter(presets.values()))),
        )
        self._show()

    def _draw(self, values: Mapping[str, float], reference: Mapping[str, float] | None = None) -> View:
        try:
            return self._view(**values, reference=reference)
        except ValueError as error:
            return escape_reason(error)

    @traitlets.observe("values", "pinned")
    def _changed(self, change: Any) -> None:
        self._show()

    def _show(self) -> None:
        shown = self._draw(self.values, self.pinned or None)
        with self.hold_sync():
            self.pinned_html = self._draw(self.pinned).html if self.pinned else ""
            self.html = shown.html
            self.sentence = shown.sentence

    def __repr__(self) -> str:
        return f"{self.title}: {self.sentence}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if data is not None:
            data = {**data, "text/plain": repr(self), "text/html": f'<div class="ie-still">{self.html}</div>'}
        return data, metadata
