"""Commands of a team member: each works with a base URL and a key, and fails in one line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import service.cli.team  # noqa: F401  importing it registers the commands
from service.cli.entry import app
from service.client import CallRefused, ServiceUnreachable, Tunehouse
from tests.support.processes import Worker, free_port
from tests.support.service import Service, TeamHandle

EXAMPLES = Path("examples/data")


@pytest.fixture
def team(service: Service, monkeypatch: pytest.MonkeyPatch) -> TeamHandle:
    made = service.make_team(budget_usd="50.00")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{service.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", made.key)
    monkeypatch.setenv("COLUMNS", "200")
    return made


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def test_a_dataset_is_checked_a_job_watched_and_its_costs_and_lineage_shown(
    team: TeamHandle, worker: Worker
) -> None:
    checked = run("files", "check", str(EXAMPLES / "tea-club.jsonl"), "--json")
    assert checked.exit_code == 0, checked.output
    file_id = json.loads(checked.stdout)["file_id"]
    assert "24 of 24 examples are valid" in run("files", "check", file_id).stdout
    job = team.sdk.fine_tuning.jobs.create(
        model="sandbox-mini", training_file=file_id, metadata={"env": "[/x]"}
    )

    watched = run("jobs", "watch", job.id)
    assert watched.exit_code == 0, watched.output
    assert "The job has successfully completed" in watched.stdout
    model = str(team.sdk.fine_tuning.jobs.retrieve(job.id).fine_tuned_model)
    assert f"{model} is ready" in watched.stdout.replace("\n", "")
    assert job.id in run("jobs", "list").stdout

    costs = run("costs", "--by", "kind", "--by", "model")
    assert "sandbox-mini" in costs.stdout
    assert "of $50" in costs.stdout
    for group, shown in (("job", job.id), ("base", "sandbox-mini"), ("key", "key_"), ("tag:env", "[/x]")):
        assert shown in run("costs", "--by", group).stdout, group
    assert f"model {model}" in run("lineage", model).stdout.replace("\n", "")
    lineage = json.loads(run("lineage", model, "--json").stdout)
    assert lineage["edges"][0]["from"]
    quoted = run("quote", file_id, "--requests-per-day", "100", "--months", "3")
    assert "over 3 months" in quoted.stdout
    with Tunehouse() as client:
        (mini,) = [one for one in client.quote(file_id).data if one.model == "sandbox-mini"]
        assert mini.training_usd == client.estimate("sandbox-mini", file_id).cost_usd
        assert mini.training_usd > 0
        assert client.set_alias("support", model).model == model
        assert [alias.name for alias in client.aliases()] == ["support"]
        assert all(one.days_left is not None for one in client.shutdowns())
    assert file_id in run("recipe", model).stdout
    assert run("retrain", model, "--base", "sandbox-nano").exit_code == 1
    planning = run("retrain", model, "--json")
    assert planning.exit_code == 0, planning.output
    planned = json.loads(planning.stdout)
    assert (planned["ready"], planned["steps"][0]["repeats_job"]) == (True, job.id)
    starting = run("retrain", model, "--json", "--yes")
    assert starting.exit_code == 0, starting.output
    begun = json.loads(starting.stdout)
    with Tunehouse() as client:
        assert [one.id for one in client.retrains()] == [begun["id"]]
        assert client.cancel_retrain(begun["id"]).status == "cancelled"
        assert client.retrain_progress(begun["id"]).steps[0].produced is None


def test_shutdowns_are_listed_and_nothing_is_announced_for_the_sandbox(team: TeamHandle) -> None:
    listed = run("shutdowns")
    assert listed.exit_code == 0, listed.output
    assert "gpt-4o-mini-2024-07-18" in listed.stdout or "No shutdown is announced" in listed.stdout


def test_a_job_that_fails_ends_the_watch_with_its_reason_and_status_1(
    team: TeamHandle, worker: Worker
) -> None:
    broken = run("files", "check", str(EXAMPLES / "broken.jsonl"))
    assert broken.exit_code == 1
    assert "error  line" in broken.stdout
    assert "broken.jsonl cannot be trained on" in broken.stderr
    (file,) = team.sdk.files.list()
    quoted = run("quote", file.id)
    assert (quoted.exit_code, "did not pass its checks" in quoted.stderr) == (1, True)
    job = team.sdk.fine_tuning.jobs.create(
        model="sandbox-mini",
        training_file=team.sdk.files.create(file=EXAMPLES / "tea-club.jsonl", purpose="fine-tune").id,
    )
    team.sdk.fine_tuning.jobs.cancel(job.id)
    watched = run("jobs", "watch", job.id)
    assert watched.exit_code == 1
    assert watched.stderr.startswith(f"tunehouse: {job.id} cancelled")
    assert file.status == "error"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["jobs", "watch", "ftjob-none"], "There is no fine-tuning job 'ftjob-none'."),
        (["lineage", "ft:none"], "The model 'ft:none' does not exist"),
        (["costs", "--by", "colour"], "colour"),
        (["files", "check", "no-such-file.jsonl"], "No such file or directory"),
    ],
)
def test_a_refused_command_is_one_line(team: TeamHandle, arguments: list[str], message: str) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("tunehouse: ")
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "variable"), [("--base-url", "OPENAI_BASE_URL"), ("--api-key", "OPENAI_API_KEY")]
)
def test_without_base_url_or_key_the_option_and_the_variable_are_named(
    option: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "th-key")
    monkeypatch.delenv(variable)
    refused = run("jobs", "list")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"tunehouse: Pass {option} or set {variable}: ")


def test_the_client_names_the_error_and_what_does_not_answer(team: TeamHandle, service: Service) -> None:
    with Tunehouse() as client, pytest.raises(CallRefused) as refused:
        client.job("ftjob-none")
    assert (refused.value.status, refused.value.code) == (404, "not_found")
    assert refused.value.request_id
    with Tunehouse(f"http://127.0.0.1:{free_port()}/v1") as nobody, pytest.raises(ServiceUnreachable):
        nobody.me()
    with Tunehouse(service.url) as wrong, pytest.raises(CallRefused, match="/v1"):
        wrong.me()


def test_a_team_members_command_starts_without_the_service() -> None:
    code = (
        "import sys, service.cli as cli; sys.argv = ['tunehouse', 'quote', '--help']\ntry:\n    cli.main()\n"
    )
    code += "except SystemExit:\n    print('sqlalchemy' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert shown.endswith("False\n")


def test_the_version_is_the_packages() -> None:
    assert run("--version").stdout.startswith("tunehouse 0.")
