"""`python -m service.cli.demo`: a process of its own, so that other commands need not load the SDK."""

import sys

from service.cli.demo.command import run

sys.exit(run(keep="--keep" in sys.argv[1:]))
