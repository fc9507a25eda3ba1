"""The panel of an explorer on a web page, in the place of the widget: it keeps what `start` says."""

from collections.abc import Mapping

from .settings import S, start


class Panel:
    """The kind of settings, and what the page begins with."""

    def __init__(self, title: str, kind: type[S], presets: Mapping[str, S]) -> None:
        self.kind = kind
        self.state = start(title, kind, presets)
