"""What a key may do for its team."""

from enum import StrEnum


class Scope(StrEnum):
    """One thing that a key may do."""

    READ = "read"  # see datasets, jobs, models, costs
    TRAIN = "train"  # change datasets and jobs
    INFER = "infer"  # call models
    MANAGE = "manage"  # keys, webhooks, aliases


# Without `manage`: a key that leaks out of a notebook or a CI job must not be able to make others.
DEFAULT_SCOPES = (Scope.READ, Scope.TRAIN, Scope.INFER)
