"""One set of rules admits jobs: estimates and creates accept the same, and refuse with the same error."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.core.db import transaction
from service.errors import TunehouseError
from service.files.actions import create_result_file
from service.jobs.actions import create_job
from service.jobs.routes import create_estimate
from service.jobs.schemas import JobCreate
from service.jobs.states import JobStatus, RequestedAction
from service.teams.access import Caller
from tests.jobs import hands
from tests.support.data import chat_example, chat_file, jsonl

GRADER = {"type": "string_check", "name": "g", "operation": "eq", "input": "a", "reference": "a"}
FILES = ("chat", "other_chat", "preference", "graded", "small", "unfit", "results", "foreign", "file-none")
MODELS = (
    "sandbox-mini",
    "sandbox-large",
    "trainer/sandbox-large",
    "gpt-4.1-mini-2025-04-14",
    "ft:none",
    "none",
)

pytestmark = pytest.mark.usefixtures("providers_environment")


def preference(number: int) -> dict[str, Any]:
    answers = [[{"role": "assistant", "content": f"{word} {number}"}] for word in ("good", "bad")]
    return {
        "input": {"messages": [{"role": "user", "content": f"Tea {number}?"}]},
        "preferred_output": answers[0],
        "non_preferred_output": answers[1],
    }


def graded(number: int) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": f"Which tea is number {number}?"}],
        "answer": str(number),
    }


@pytest.fixture
def files(database: str) -> Mapping[str, str]:
    """A file of every kind by its name in `FILES`, and the team that has them as `team`."""
    team = hands.make_team("0.01")
    with transaction() as session:
        results = create_result_file(session, team, "results.csv", b"step\n1\n").id
    return {
        "team": team,
        "chat": hands.make_file(team),
        "other_chat": hands.make_file(team, chat_file(200, "coffee")),
        "preference": hands.make_file(team, jsonl(map(preference, range(12)))),
        "graded": hands.make_file(team, jsonl(map(graded, range(12)))),
        "small": hands.make_file(team, jsonl([chat_example("One?", "One.")])),
        "unfit": hands.make_file(team, b"{}\n", status="error"),
        "results": results,
        "foreign": hands.make_file(hands.make_team()),
    }


hyperparameters = st.fixed_dictionaries(
    {}, optional={"n_epochs": st.sampled_from(["auto", 1, 50]), "batch_size": st.sampled_from(["auto", 256])}
)


@st.composite
def methods(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["supervised", "dpo", "reinforcement"]))
    own = {"hyperparameters": draw(hyperparameters)} | ({"grader": GRADER} if name == "reinforcement" else {})
    return {"type": name, name: own}


bodies = st.fixed_dictionaries(
    {"model": st.sampled_from(MODELS), "training_file": st.sampled_from(FILES)},
    optional={
        "validation_file": st.sampled_from(FILES),
        "method": methods(),
        "tunehouse": st.fixed_dictionaries(
            {},
            optional={
                "max_cost_usd": st.sampled_from(["0.000001", "0.005", "70"]),
                "acknowledge_shutdown": st.booleans(),
            },
        ),
    },
)


def outcome(attempt: Callable[[], object]) -> tuple[int, str | None, str | None]:
    """The status, code and param with which an attempt is answered."""
    try:
        attempt()
    except TunehouseError as refusal:
        return refusal.status, refusal.error_code, refusal.param
    return 200, None, None


def try_estimate(team: str, body: JobCreate) -> tuple[int, str | None, str | None]:
    def attempt() -> None:
        with transaction() as session:
            create_estimate(body, session, Caller(hands.KEY, team, frozenset()))

    return outcome(attempt)


def try_create(team: str, body: JobCreate) -> tuple[int, str | None, str | None]:
    """As `try_estimate`; a job that was created is cancelled, so that the budget is whole again."""

    def attempt() -> None:
        with transaction() as session:
            job_id = create_job(session, team_id=team, key_id=hands.KEY, body=body).id
        hands.ask(job_id, RequestedAction.CANCEL)
        assert hands.look(job_id).status == JobStatus.CANCELLED

    return outcome(attempt)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=bodies)
def test_an_estimate_and_a_create_accept_and_refuse_the_same_jobs(
    files: Mapping[str, str], body: dict[str, Any]
) -> None:
    named = {
        key: files.get(body[key], body[key]) for key in body.keys() & {"training_file", "validation_file"}
    }
    asked = JobCreate.model_validate(body | named)
    assert try_estimate(files["team"], asked) == try_create(files["team"], asked)


def test_reinforcement_without_a_validation_file_is_refused_before_its_cost_is_estimated(
    files: Mapping[str, str],
) -> None:
    body = {
        "model": "sandbox-large",
        "training_file": files["graded"],
        "method": {"type": "reinforcement", "reinforcement": {"grader": GRADER}},
    }
    refused = try_estimate(files["team"], JobCreate.model_validate(body))
    assert refused == (400, "validation_file_required", "validation_file")


@pytest.mark.parametrize(
    "grader",
    [
        {"type": "score_model", "name": "g", "model": "gpt-4.1", "input": []},
        {"type": "multi", "graders": {"a": GRADER, "b": {"type": "label_model"}}, "calculate_output": "a"},
        {"name": "g"},
    ],
)
def test_a_grader_whose_cost_nobody_could_charge_is_refused(
    files: Mapping[str, str], grader: dict[str, Any]
) -> None:
    body = {
        "model": "sandbox-large",
        "training_file": files["graded"],
        "validation_file": files["graded"],
        "method": {"type": "reinforcement", "reinforcement": {"grader": grader}},
    }
    refused = try_estimate(files["team"], JobCreate.model_validate(body))
    assert refused == (400, "grader_not_supported", "method")


def test_an_estimate_above_a_budget_is_refused_and_holds_nothing(files: Mapping[str, str]) -> None:
    body = {"model": "sandbox-mini", "training_file": files["chat"]}
    tight = JobCreate.model_validate(body | {"tunehouse": {"max_cost_usd": "0.000001"}})
    assert try_estimate(files["team"], tight) == (429, "budget_exceeded", "job")
    large = JobCreate.model_validate(
        body | {"hyperparameters": {"n_epochs": 50}, "training_file": files["other_chat"]}
    )
    assert try_estimate(files["team"], large) == (429, "budget_exceeded", "team")
    assert try_estimate(files["team"], JobCreate.model_validate(body)) == (200, None, None)
