"""The one widget of all explorers: sliders, number fields, presets and a pinned setting next to a view.

What it shows is computed in Python, by the functions of `settings`, and tested without a browser. The browser side
(`panel.js`) only moves numbers and shows what comes back. It uses native inputs, which work from the keyboard and carry
their labels to a screen reader.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from .settings import S, answer, start, still

_HERE = Path(__file__).parent


class Panel(anywidget.AnyWidget):
    """Controls on one side, the view of their values on the other; `pin` keeps one setting next to those that follow.

    Impossible values are answered with the reason, in words. `turn` numbers the changes made in the browser, and
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
        super().__init__(**start(title, kind, presets))

    @traitlets.observe("values", "pinned", "turn")
    def _changed(self, change: Any) -> None:
        asked = dict(self.values), dict(self.pinned)
        with self.hold_sync():
            if asked != self._shown:  # a change in the browser comes here twice, with its values and with its turn
                self._shown = asked
                for name, text in answer(self._kind, *asked).items():
                    setattr(self, name, text)
            self.answered = self.turn

    def __repr__(self) -> str:
        return f"{self.title}: {self.sentence}"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        if data is not None:
            data = {**data, "text/plain": repr(self), "text/html": still(self.html)}
        return data, metadata
