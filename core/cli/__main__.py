"""``python -m core.cli`` is ``llm-study``."""

import sys

from core.cli import main

sys.exit(main())
