"""`tunehouse up` from its first start to its end, kind or not."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import openai
import pytest

from service.local.files import free_port
from tests.cli.runs import TUNEHOUSE, Up, clean_environment, run
from tests.local.holding import is_alive
from tests.support.waiting import wait_until

PARTS = {"postgres", "valkey", "trainer", "api", "worker"}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """One that serves, for the tests that leave it serving."""
    names = {"TUNEHOUSE_SANDBOX_STAND_INS": "gpt-4o-mini,babbage-002"}
    with Up(tmp_path_factory.mktemp("up") / "data", **names) as serving:
        yield serving


def test_all_parts_serve_once_it_says_so(up: Up) -> None:
    assert httpx2.get(f"{up.url}/readyz", trust_env=False).status_code == 200
    assert set(up.children()) == PARTS


def test_the_apis_log_is_json_from_its_first_line_on(up: Up) -> None:
    lines = (up.data_dir / "logs" / "api.log").read_text().splitlines()
    assert "Started server process" in json.loads(lines[0])["event"]
    assert all(json.loads(line)["timestamp"] for line in lines)


def test_the_printed_admin_key_opens_the_door(up: Up) -> None:
    answer = httpx2.get(f"{up.url}/v1/teams", headers=bearer(up.admin_key), trust_env=False)
    assert answer.status_code == 200


def test_the_sandbox_answers_under_the_names_of_real_models_and_says_so(up: Up) -> None:
    def admin(path: str, body: dict[str, object]) -> dict[str, str]:
        answer = httpx2.post(f"{up.url}{path}", json=body, headers=bearer(up.admin_key), trust_env=False)
        made: dict[str, str] = answer.raise_for_status().json()
        return made

    team = admin("/v1/teams", {"name": "CI", "slug": "ci"})
    key = admin(f"/v1/teams/{team['id']}/keys", {"name": "ci"})["secret"]
    client = openai.OpenAI(base_url=f"{up.url}/v1", api_key=key)
    answer = client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "Hi"}]
    )
    assert answer.headers["x-tunehouse-stand-in"] == "sandbox"
    assert answer.parse().model == "gpt-4o-mini-2024-07-18"
    shown = client.models.retrieve("babbage-002").model_extra or {}
    assert shown["tunehouse"]["stand_in"] is True
    own = client.chat.completions.with_raw_response.create(
        model="sandbox-mini", messages=[{"role": "user", "content": "Hi"}]
    )
    assert "x-tunehouse-stand-in" not in own.headers


def test_one_more_admin_key_can_be_made_beside_it(up: Up) -> None:
    made = run("admin-key", "--data-dir", str(up.data_dir))
    answer = httpx2.get(f"{up.url}/v1/teams", headers=bearer(made.stdout.strip()), trust_env=False)
    assert answer.status_code == 200


def test_a_second_one_on_the_same_data_dir_is_one_clear_line(up: Up) -> None:
    refused = run("up", "--port", "0", "--data-dir", str(up.data_dir))
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        f"tunehouse: the data directory {up.data_dir} is in use by another process that is still running"
    ]


def test_a_port_in_use_is_one_clear_line(up: Up, tmp_path: Path) -> None:
    port = up.url.rsplit(":", 1)[1]
    refused = run("up", "--port", port, "--data-dir", str(tmp_path / "data"))
    assert refused.returncode == 1
    assert refused.stderr == f"tunehouse: port {port} of 127.0.0.1 is in use; choose another with --port\n"
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_worker_that_dies_is_started_again(up: Up) -> None:
    before = up.children()["worker"]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: up.children().get("worker", before) != before)


def test_no_secret_is_readable_by_others(up: Up) -> None:
    inside = [path for path in up.data_dir.rglob("*") if path.name in ("password", "environment.json")]
    inside += list((up.data_dir / "secrets").iterdir())
    assert len(inside) >= 4
    assert all(path.stat().st_mode & 0o077 == 0 for path in inside)


def test_sigterm_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    one = Up(tmp_path / "data", port=free_port())
    children = one.children()
    assert one.end(signal.SIGTERM) == 0
    assert_nothing_is_left(one, children)


def test_after_a_kill_the_next_one_serves_the_same_data_and_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    port = free_port()
    first = Up(tmp_path / "data", port)
    team = httpx2.post(
        f"{first.url}/v1/teams",
        json={"name": "Kept", "slug": "kept"},
        headers=bearer(first.admin_key),
        trust_env=False,
    )
    left = first.children()
    first.end(signal.SIGKILL)
    second = Up(tmp_path / "data", port)
    assert not [name for name, pid in left.items() if is_alive(pid)]
    assert second.admin_key is None
    found = httpx2.get(
        f"{second.url}/v1/teams/{team.json()['id']}", headers=bearer(first.admin_key), trust_env=False
    )
    assert found.json()["slug"] == "kept"
    children = second.children()
    assert second.end(signal.SIGINT) == 0
    assert_nothing_is_left(second, children)


def test_a_signal_during_the_start_stops_it(tmp_path: Path) -> None:
    one = subprocess.Popen(
        [*TUNEHOUSE, "up", "--port", "0", "--data-dir", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=clean_environment(),
    )
    wait_until((tmp_path / "data" / "postgres" / "postgres.pid").exists)
    one.send_signal(signal.SIGTERM)
    said, _ = one.communicate(timeout=60)
    assert one.returncode == 0
    assert "is ready at" not in said
    assert not list((tmp_path / "data").rglob("*.pid"))


def assert_nothing_is_left(ended: Up, children: dict[str, int]) -> None:
    """No process of it, and no port."""
    assert not [name for name, pid in children.items() if is_alive(pid)]
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{ended.url}/healthz", trust_env=False)


def bearer(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}
