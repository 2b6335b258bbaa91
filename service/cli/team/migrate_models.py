"""`tunehouse migrate-models`: move tuned models off a provider, from the plan to the switched aliases."""

import time
from typing import Annotated, Any

from rich.table import Column, Table
from typer import Option, confirm

from service.cli.entry import app, fail
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import MigrationInfo, PlannedMoveInfo, Tunehouse

_POLL_S = 1.0


@app.command(name="migrate-models")
def migrate_models(
    before: Annotated[
        str | None, Option(help="Move the models that stop answering on or before this day, YYYY-MM-DD.")
    ] = None,
    model: Annotated[list[str] | None, Option(help="A tuned model to move; may be repeated.")] = None,
    alias: Annotated[str | None, Option(help="Move the model of this alias.")] = None,
    to: Annotated[str, Option(help="PROVIDER/BASE, or cheapest.")] = "cheapest",
    prompts: Annotated[
        str | None, Option(help="The id of a chat file with held-out prompts; else each validation file.")
    ] = None,
    grader: Annotated[
        str | None, Option(help="How to compare: exact_match, label_accuracy, string_similarity or judge.")
    ] = None,
    judge: Annotated[str | None, Option(help="The model that decides, with --grader judge.")] = None,
    margin: Annotated[float, Option(min=0, max=1, help="The share of prompts it may lose.")] = 0.0,
    max_cost: Annotated[str | None, Option(help="The most that it may cost, in US dollars.")] = None,
    yes: Annotated[bool, Option("--yes", help="Start without a question.")] = False,
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Plan to move tuned models, show the plan, and carry it out if you agree.

    Exits with status 1 unless every model is moved or made. With --json, the plan is printed and nothing is
    started, unless you pass --yes. An interrupted command does not stop the migration.
    """
    chosen = {"shutting_down_before": before, "models": model or None, "alias": alias}
    provider, _, base = to.partition("/")
    accept = {"grader": grader, "judge_model": judge, "margin": margin} if grader else None
    body: dict[str, Any] = {name: value for name, value in chosen.items() if value is not None}
    body |= {"to": to if to == "cheapest" else {"provider": provider, "base": base}}
    body |= {"prompts": prompts, "accept": accept, "max_cost_usd": max_cost}
    with service_of(base_url, api_key) as tunehouse:
        planned = tunehouse.plan_migration(**body)
        if json and not yes:
            print_json(planned)
            return
        if not json:
            _show_plan(planned)
        if not planned.plan.ready:
            fail(" ".join(planned.plan.problems))
        question = f"Move {len(planned.plan.steps)} models for at most ${planned.plan.total_usd}?"
        if not yes and not confirm(question):
            return
        ended = _follow(tunehouse, tunehouse.start_migration(planned.id, planned.fingerprint), silent=json)
    if json:
        print_json(ended)
    else:
        screen.print(f"{ended.id} {ended.status}; it cost ${ended.cost_usd}")
    if ended.status != "completed":
        fail(ended.error or f"{ended.id} was {ended.status}")


def _show_plan(planned: MigrationInfo) -> None:
    plan = planned.plan
    names = ("step", "model", "moves to", "starts from", "training", "aliases", "")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None, pad_edge=False)
    for step in plan.steps:
        table.add_row(
            str(step.position),
            step.model,
            f"{step.provider}/{step.base_model}",
            "the base" if step.starts_from is None else f"step {step.starts_from}",
            "" if step.training_usd is None else f"${step.training_usd}",
            ", ".join(step.aliases),
            _remark(step),
        )
    screen.print(table)
    for left in plan.cannot_move:
        screen.print(f"cannot move {left.model}: {left.reason}")
    for risk in plan.risks:
        screen.print(f"risk: {risk}")
    hours = "unknown" if plan.expected_hours is None else f"about {plan.expected_hours} hours"
    screen.print(
        f"training ${plan.training_usd}, comparisons at most ${plan.comparison_usd}, time {hours}; "
        f"plan {planned.id}"
    )


def _remark(step: PlannedMoveInfo) -> str:
    if step.reuses is not None:
        return f"uses {step.reuses} again"
    return step.problem or step.not_compared or " ".join(step.notes)


def _follow(tunehouse: Tunehouse, migration: MigrationInfo, *, silent: bool) -> MigrationInfo:
    """Wait for a migration's end, and print each step when its status changes."""
    known: dict[int, str] = {}
    while True:
        for step in migration.steps:
            if known.get(step.position) != step.status and not silent:
                reason = f": {step.reason}" if step.reason else ""
                successor = f" as {step.produced}" if step.produced else ""
                screen.print(f"step {step.position}  {step.status}  {step.model}{successor}{reason}")
            known[step.position] = step.status
        if migration.has_ended:
            return migration
        time.sleep(_POLL_S)  # between two looks: migrations have no event stream
        migration = tunehouse.migration(migration.id)
