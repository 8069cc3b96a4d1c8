"""`python -m rerank_kit.cli` is the command `rerank-kit`."""

import sys

from rerank_kit.cli import main

sys.exit(main())
