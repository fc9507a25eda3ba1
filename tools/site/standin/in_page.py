"""What a web page asks of Python: the view of an explorer for some settings, as JSON."""

import json
from functools import cache
from html import escape
from importlib import import_module

from inception_edu.explorers.panel import Panel
from inception_edu.explorers.settings import answer


@cache
def panel(name: str) -> Panel:
    """The explorer, made once."""
    return getattr(import_module(f"inception_edu.explorers.{name}"), f"{name}_explorer")()


def answered(name: str, values: str, pinned: str) -> str:
    """JSON in, JSON out; whatever goes wrong is shown in the view, so that the panel is never silent."""
    try:
        return json.dumps(answer(panel(name).kind, json.loads(values), json.loads(pinned)))
    except Exception as error:
        words = f"This page cannot show that: {error}."
        return json.dumps({"html": f'<p class="ie-impossible"><b>{escape(words)}</b></p>', "sentence": words})
