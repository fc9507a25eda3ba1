"""inception_edu: the Inception family in four bricks, priced by one calculator.

>>> import inception_edu as ie
>>> net = ie.build("googlenet")
>>> node = ie.trace(net, (3, 224, 224))
>>> node.params, node.macs
(6998552, 1582671872)

| name                                          | what it is                                                     |
|-----------------------------------------------|----------------------------------------------------------------|
| `FAMILY`, `build`                             | the networks, and how to make one                              |
| `ConvUnit`, `Concat`, `Residual`, `branch`    | the bricks (with `nn.Sequential`), and the shorthand for a row |
| `trace`, `Node`, `ShapeError`                 | shapes and cost of any module, without computing anything      |
| `summary`, `diagram`                          | a table and a drawing of what `trace` read                     |
| `agree`                                       | whether your module and ours compute the same                  |
| `fuse`, `load_checkpoint`                     | an equal, faster network; the weights of other libraries       |

Each is imported when it is first asked for, so that `import inception_edu` brings in nothing heavy; the names are
listed once, in `__init__.pyi`, which type checkers read too.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
