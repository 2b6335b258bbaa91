"""Collected only by `make test-clients`, which names the clients' environments in CLIENT_ENVIRONMENTS."""

import os

collect_ignore_glob = [] if "CLIENT_ENVIRONMENTS" in os.environ else ["test_*.py"]
