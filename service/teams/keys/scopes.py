"""Scopes: the permissions of a key."""

from enum import StrEnum


class Scope(StrEnum):
    """A permission of a key."""

    READ = "read"  # read datasets, jobs, models, costs
    TRAIN = "train"  # change datasets and jobs
    INFER = "infer"  # call models
    MANAGE = "manage"  # keys, webhooks, aliases


# Without `manage`: a key that leaks from a notebook or a CI job must not be able to create others.
DEFAULT_SCOPES = (Scope.READ, Scope.TRAIN, Scope.INFER)
