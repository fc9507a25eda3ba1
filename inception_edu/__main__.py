"""`python -m inception_edu` is the command `inception-edu`."""

import sys

from .cli import main

sys.exit(main())
