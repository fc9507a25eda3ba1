"""The classroom: the checks below every exercise, and the way from a submitted notebook to a mark.

>>> from inception_edu.classroom import check
>>> check("03.name", my_answer)                     # in a notebook: points, and what differs in words

`check` collects evidence, plain data, from an answer (`evidence`, `anatomy`) and judges it (`marking`); while
grading, the same evidence is judged again outside the sandbox in which the student's program ran. torch is imported
by the first name that is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking import check
    from .checking.marking import Mark, mark

__all__ = ["Mark", "check", "mark"]

_HOMES = {"Mark": "checking.marking", "check": "checking", "mark": "checking.marking"}


def __getattr__(name: str) -> Any:
    """Imports a public name from its module when it is first asked for (PEP 562)."""
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
