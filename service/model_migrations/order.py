"""The jobs that a migration repeats, in lineage order: each after the one that made what it starts from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.jobs.retrain.recipe import RecipeLink, steps_to
from service.models.tables import TunedModel


@dataclass(frozen=True)
class Generation:
    """One job of the old lineage.

    `line` are the jobs from the base to this one, its own last. `parent` is the id of the job that made what
    it started from, and `checkpoint_step` the step of the checkpoint, None for the finished model.
    `is_selected` says whether its model is to be moved, not only needed by one that is.
    """

    line: Sequence[RecipeLink]
    parent: str | None
    checkpoint_step: int | None
    is_selected: bool

    @property
    def link(self) -> RecipeLink:
        """The job itself, with its data."""
        return self.line[-1]

    @property
    def root(self) -> str:
        """The id of the first job of its lineage, which is tuned from a base."""
        return self.line[0].job.id

    @property
    def model(self) -> str:
        """The model that the job finished with, or the checkpoint that the next one starts from."""
        return self.link.job.fine_tuned_model or self.link.made.id


def lineages(session: Session, selected: Iterable[TunedModel]) -> list[list[Generation]]:
    """Return the selected models and their ancestors, one list per lineage, parents first.

    A job that several models descend from is in it once.
    """
    wanted = {model.job_id: model for model in selected}
    found: dict[str, Generation] = {}
    for model in wanted.values():
        line = steps_to(session, model)
        for number, link in enumerate(line):
            before = line[number - 1] if number else None
            found.setdefault(
                link.job.id,
                Generation(
                    line=line[: number + 1],
                    parent=before.job.id if before else None,
                    checkpoint_step=before.checkpoint_step if before else None,
                    is_selected=link.job.id in wanted,
                ),
            )
    return list(_by_root(found).values())


def _by_root(found: Mapping[str, Generation]) -> dict[str, list[Generation]]:
    trees: dict[str, list[Generation]] = {}
    for generation in found.values():
        trees.setdefault(generation.root, []).append(generation)
    return trees
