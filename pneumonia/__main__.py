"""`python -m pneumonia VERB`."""

import sys

from .cli import main

sys.exit(main())
