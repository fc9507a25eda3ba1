"""The one widget of all explorers: sliders, number fields, presets and a pinned setting next to a view.

What it shows is computed in Python, by the functions of `settings`, and tested without a browser. The browser side
(`panel.js`) only moves numbers and shows what comes back. It uses native inputs, which work from the keyboard and carry
their labels to a screen reader.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from html import escape
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .settings import S, Settings, page, read, still

_HERE = Path(__file__).parent


class Panel(anywidget.AnyWidget):
    """Controls on one side, the view of their values on the other; `pin` keeps one setting next to the following ones.

    Values that cannot be are answered by the reason, in words. `turn` numbers the changes made in the browser, and
    `answered` is the last one that has been answered. Where no browser runs the widget, its `text/html` is a still.
    """

    _esm = (_HERE / "panel.js").read_text(encoding="utf-8")
    _css = (_HERE / "panel.css").read_text(encoding="utf-8")

    title = traitlets.Unicode().tag(sync=True)
    # Lists, because the keys of saved widget state are sorted.
    controls: Any = traitlets.List().tag(sync=True)
    presets: Any = traitlets.List().tag(sync=True)
    values = traitlets.Dict().tag(sync=True)
    pinned = traitlets.Dict().tag(sync=True)
    turn = traitlets.Int().tag(sync=True)
    answered = traitlets.Int().tag(sync=True)
    html = traitlets.Unicode().tag(sync=True)
    pinned_html = traitlets.Unicode().tag(sync=True)
    sentence = traitlets.Unicode().tag(sync=True)

    def __init__(self, title: str, kind: type[S], presets: Mapping[str, S]) -> None:
        self._kind = kind
        self._shown: Any = None
        named = [{"name": name, "values": asdict(preset)} for name, preset in presets.items()]
        super().__init__(
            title=title,
            controls=[{"name": each.name, **each.metadata} for each in fields(kind)],
            presets=named,
            values=named[0]["values"],
        )

    @traitlets.observe("values", "pinned", "turn")
    def _changed(self, change: Any) -> None:
        asked = dict(self.values), dict(self.pinned)
        with self.hold_sync():
            if asked != self._shown:  # a change in the browser comes here twice, with its values and with its turn
                self._shown = asked
                now, pinned = self._read(self.values), self._read(self.pinned) if self.pinned else None
                self.html = _page(now, pinned if isinstance(pinned, Settings) else None)
                self.sentence = now.sentence() if isinstance(now, Settings) else _reason(now)
                self.pinned_html = _page(pinned) if pinned else ""
            self.answered = self.turn

    def _read(self, values: Mapping[str, Any]) -> Settings | ValueError:
        try:
            return read(self._kind, values)
        except ValueError as error:
            return error

    def __repr__(self) -> str:
        return f"{self.title}: {self.sentence}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if data is not None:
            data = {**data, "text/plain": repr(self), "text/html": still(self.html)}
        return data, metadata


def _reason(error: ValueError) -> str:
    return f"This cannot exist: {error}."


def _page(now: Settings | ValueError, pinned: Settings | None = None) -> str:
    if isinstance(now, Settings):
        return page(now, pinned)
    return f'<p class="ie-impossible"><b>{escape(_reason(now))}</b></p>'
