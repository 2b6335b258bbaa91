"""`tunehouse recipe` and `tunehouse retrain`: how a model was made, and how to make it again."""

from typing import Annotated, Any

from rich.table import Column, Table
from typer import Argument, Option, confirm

from service.cli.entry import app, fail
from service.cli.team.service_of import ApiKey, AsJson, BaseUrl, print_json, screen, service_of
from service.client import RetrainPlanInfo

Model = Annotated[str, Argument(metavar="MODEL", help="A tuned model or checkpoint.")]


@app.command()
def recipe(model: Model, json: AsJson = False, base_url: BaseUrl = None, api_key: ApiKey = None) -> None:
    """Show the jobs that made a model, from its base on, with their data."""
    with service_of(base_url, api_key) as tunehouse:
        found = tunehouse.recipe(model)
    if json:
        print_json(found)
        return
    names = ("step", "job", "starts from", "trained on", "file today", "produced")
    table = Table(*(Column(name, overflow="fold") for name in names), box=None, pad_edge=False)
    for step in found.steps:
        data = step.training_data
        table.add_row(
            str(step.position),
            step.job_id,
            step.starts_from,
            data.filename,
            data.available_as or "deleted",
            step.produced,
        )
    screen.print(table)


@app.command()
def retrain(
    model: Model,
    base: Annotated[str | None, Option(help="The base to start from, instead of the recipe's own.")] = None,
    provider: Annotated[str | None, Option(help="The provider to train at, by its name.")] = None,
    acknowledge_shutdown: Annotated[
        bool, Option("--acknowledge-shutdown", help="Retrain although the base shuts down soon.")
    ] = False,
    yes: Annotated[bool, Option("--yes", help="Start without a question.")] = False,
    json: AsJson = False,
    base_url: BaseUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Show what it costs to make a model again, on the same base or another, and start it if you agree.

    With --json, the plan is printed and nothing is started, unless you pass --yes.
    """
    options: dict[str, Any] = {
        "model": base,
        "provider": provider,
        "acknowledge_shutdown": acknowledge_shutdown,
    }
    with service_of(base_url, api_key) as tunehouse:
        plan = tunehouse.plan_retrain(model, **options)
        if json and not yes:
            print_json(plan)
            return
        if not json:
            screen.print(_table(plan))
        if not plan.ready:
            fail(" ".join(plan.problems))
        if not yes and not confirm(f"Start {len(plan.steps)} jobs for about ${plan.cost_usd}?"):
            return
        begun = tunehouse.retrain(model, **options)
    if json:
        print_json(begun)
    else:
        screen.print(f"{begun.id} is {begun.status}; `tunehouse jobs list` shows its jobs")


def _table(plan: RetrainPlanInfo) -> Table:
    title = f"{plan.source} on {plan.provider}/{plan.base_model}"
    table = Table(title=title, box=None, pad_edge=False)
    for name in ("step", "repeats", "cost", ""):
        table.add_column(name, overflow="fold")
    for step in plan.steps:
        cost = "" if step.cost_usd is None else f"${step.cost_usd}"
        table.add_row(str(step.position), step.repeats_job, cost, step.problem or "")
    return table
