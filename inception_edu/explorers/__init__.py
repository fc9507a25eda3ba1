"""Explorers: settings with their ranges, a view and a sentence made from them, and one panel with the sliders.

Each is imported when it is first asked for: in a web page, where there is no torch, those that need only shapes run.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
