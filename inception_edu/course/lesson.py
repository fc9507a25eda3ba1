"""What a chapter uses every day, in one place, so that its first cell stays short."""

from inspect import getsource
from typing import Any

from IPython.display import Markdown

from ..data.fashion import BLACK as BLACK
from ..data.fashion import CLASS_NAMES as CLASS_NAMES
from ..data.fashion import WHITE as WHITE
from ..data.fashion import LabelledImages as LabelledImages
from ..data.fashion import load_fashion as load_fashion
from ..data.fashion import load_photo as load_photo
from ..data.fashion import some_classes as some_classes
from ..data.fashion import split_validation as split_validation
from ..running import milliseconds as milliseconds
from ..running import predict as predict
from ..train.loop import accuracy as accuracy
from ..train.loop import fit as fit
from ..train.loop import flip as flip
from ..train.loop import sgd as sgd
from .challenge import BUDGET as BUDGET
from .choices import choices as choices
from .quiz import compare as compare
from .records import by_seed as by_seed
from .records import load_record as load_record
from .records import paired as paired


def source(*what: Any) -> Markdown:
    """The source of functions or classes of the package, as it is now, highlighted in the page's own colours."""
    return Markdown("```python\n" + "\n\n".join(getsource(each).rstrip() for each in what) + "\n```")
