"""Commands for a team member with a base URL and a key: they speak HTTP and need no settings."""

from service.cli.team import costs, files, jobs, lineage, migrate_models, quote, retrain, shutdowns

# named as the commands that they register
__all__ = [
    "costs",
    "files",
    "jobs",
    "lineage",
    "migrate_models",
    "quote",
    "retrain",
    "shutdowns",
]
