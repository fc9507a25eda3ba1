"""The classroom: checks that stand under every exercise, and the way from a handed-in notebook to a mark.

>>> from inception_edu.classroom import check
>>> check("03.name", my_answer)                     # in a notebook: points, and what differs in words

`check` collects evidence, plain data, from an answer (`evidence`, `anatomy`) and judges it (`marking`); while
grading, the same evidence is judged again outside the sandbox in which the student's program ran.
"""

from .checks import check
from .marking import Mark, mark

__all__ = ["Mark", "check", "mark"]
