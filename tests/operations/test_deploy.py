"""The files in deploy/ are valid, and name only settings, commands, ports, paths and metrics that exist."""

import json
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY
from typer.main import get_command

from service.app.health import router as health
from service.cli.entry import app
from service.core.metrics import measures
from service.gateway import counts
from service.settings import Settings
from tests.operations.servers import make_certificate, program
from tests.support.processes import ROOT
from trainer.cli import _ENV
from worker.metrics.installation import HELP
from worker.metrics.server import PAGES

DEPLOY = ROOT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
RUNBOOK = ROOT / "docs" / "operations" / "runbook.md"
VALIDATE = ROOT / ".venv-operations" / "bin" / "kubernetes-validate"


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def manifests() -> list[dict[str, Any]]:
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())["resources"]
    assert {*names, "kustomization.yaml"} == {path.name for path in KUBERNETES.iterdir()}
    return [document for name in names for document in documents(KUBERNETES / name)]


def pods() -> dict[str, dict[str, Any]]:
    """The pods' specs by the name of what runs them."""
    return {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]
        for one in manifests()
        if "template" in one.get("spec", {})
    }


def metrics() -> set[str]:
    """The names of all series that the code writes."""
    assert measures and counts
    families = [family for family in REGISTRY.collect() if family.name.startswith("tunehouse_")]
    suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_count", "_sum"], "gauge": [""]}
    return {family.name + suffix for family in families for suffix in suffixes[family.type]} | set(HELP)


@pytest.mark.parametrize(
    "name", [path.name for path in KUBERNETES.glob("*.yaml") if path.stem != "kustomization"]
)
def test_manifests_keep_to_the_published_schemas(name: str) -> None:
    if not VALIDATE.exists():
        pytest.skip("kubernetes-validate is not installed; .ci/install-operations installs it")
    for version in ("1.31", "1.34"):
        argv = [VALIDATE, "--strict", "-k", version, KUBERNETES / name]
        checked = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_manifests_set_only_settings_that_exist() -> None:
    (config,) = [one for one in manifests() if one["kind"] == "ConfigMap"]
    known = {f"TUNEHOUSE_{name.upper()}" for name in Settings.model_fields}
    assert set(config["data"]) <= known
    written = (KUBERNETES / "settings.yaml").read_text()
    named = set(re.findall(r"TUNEHOUSE_[A-Z_]+[A-Z]", written))
    assert named <= known | {f"{_ENV}API_KEY", f"{_ENV}WEBHOOK_SECRET"}


def test_the_commands_of_pods_and_units_can_be_parsed() -> None:
    import_module("service.cli.commands")  # registers them
    root = get_command(app)
    runs = {name: pod["containers"][0]["args"] for name, pod in pods().items()}
    runs |= {unit: line.split()[1:] for unit, line in exec_starts()}
    assert {arguments[0] for arguments in runs.values()} == {"api", "worker", "migrate", "trainer"}
    for arguments in runs.values():
        command = root.commands[arguments[0]]  # type: ignore[attr-defined]
        command.make_context(arguments[0], list(arguments[1:]))
        if arguments[0] == "trainer":
            options = {word for word in arguments if word.startswith("--")}
            argv = [ROOT / ".venv/bin/tunehouse", "trainer", "--help"]
            shown = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
            assert all(option in shown for option in options)


def exec_starts() -> Iterator[tuple[str, str]]:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        (line,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(), re.MULTILINE)
        yield unit.name, line


def test_ports_and_probes_lead_to_what_the_process_serves() -> None:
    config = next(one for one in manifests() if one["kind"] == "ConfigMap")["data"]
    pages = {
        "tunehouse-api": {route.path for route in health.routes},  # type: ignore[attr-defined]
        "tunehouse-worker": set(PAGES),
        "tunehouse-trainer": set(),
    }
    for name, pod in pods().items():
        (container,) = pod["containers"]
        ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        for kind, probe in container.items():
            if kind.endswith("Probe"):
                where = probe.get("httpGet") or probe["tcpSocket"]
                assert where["port"] in ports
                assert where.get("path") is None or where["path"] in pages[name]
        arguments = container["args"]
        if "--port" in arguments:
            assert set(ports.values()) == {int(arguments[arguments.index("--port") + 1])}
        if name == "tunehouse-worker":
            assert list(ports.values()) == [
                int(config["TUNEHOUSE_WORKER_METRICS_ADDRESS"].rpartition(":")[2])
            ]
        assert "livenessProbe" in container or name == "tunehouse-migrate"
        for other in manifests():
            if other["kind"] in ("Service", "NetworkPolicy") and other["metadata"]["name"] == name:
                spec = other["spec"]
                used = spec["ports"] if other["kind"] == "Service" else spec["ingress"][0]["ports"]
                assert {port.get("targetPort", port["port"]) for port in used} == set(ports)


def test_selectors_select_their_pods() -> None:
    labels = {
        one["metadata"]["name"]: one["spec"]["template"]["metadata"]["labels"]
        for one in manifests()
        if "template" in one.get("spec", {})
    }
    for one in manifests():
        spec = one.get("spec", {})
        selector = spec.get("selector") or spec.get("podSelector")
        if selector:
            wanted = selector.get("matchLabels", selector if one["kind"] == "Service" else {})
            assert wanted == labels[one["metadata"]["name"]], one["metadata"]["name"]
        if one["kind"] == "HorizontalPodAutoscaler":
            assert spec["scaleTargetRef"]["name"] in labels


def test_no_pod_runs_as_root_or_writes_to_its_image() -> None:
    (user,) = re.findall(r"^USER (\d+):\d+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    for pod in pods().values():
        assert pod["securityContext"]["runAsNonRoot"] and pod["securityContext"]["runAsUser"] == int(user)
        assert not pod["automountServiceAccountToken"]
        limits = pod["containers"][0]["securityContext"]
        assert limits["readOnlyRootFilesystem"] and not limits["allowPrivilegeEscalation"]
        assert limits["capabilities"] == {"drop": ["ALL"]}


def test_each_process_gets_only_its_own_secrets() -> None:
    got = {
        name: {
            source["secretRef"]["name"] for source in pod["containers"][0]["envFrom"] if "secretRef" in source
        }
        for name, pod in pods().items()
    }
    shared = {"tunehouse-application", "tunehouse-providers"}
    assert got == {
        "tunehouse-api": shared,
        "tunehouse-worker": shared,
        "tunehouse-migrate": {"tunehouse-owner"},
        "tunehouse-trainer": {"tunehouse-trainer"},
    }
    (address,) = pods()["tunehouse-migrate"]["containers"][0]["env"]  # and no broker's
    assert address["name"] == address["valueFrom"]["secretKeyRef"]["key"] == "TUNEHOUSE_DATABASE_URL"


def test_nothing_kills_an_api_before_its_drain_has_ended() -> None:
    drain_s, delay_s = (Settings.model_fields[name].default for name in ("drain_s", "shutdown_delay_s"))
    config = next(one for one in manifests() if one["kind"] == "ConfigMap")["data"]
    assert float(config["TUNEHOUSE_DRAIN_S"]) == drain_s
    assert float(config["TUNEHOUSE_SHUTDOWN_DELAY_S"]) == delay_s
    pod = pods()["tunehouse-api"]
    assert pod["terminationGracePeriodSeconds"] > delay_s + drain_s
    unit = (DEPLOY / "systemd" / "tunehouse-api.service").read_text()
    assert int(re.findall(r"TimeoutStopSec=(\d+)", unit)[0]) > delay_s + drain_s
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert int(compose["services"]["api"]["stop_grace_period"].removesuffix("s")) > delay_s + drain_s


def test_alerts_and_dashboard_ask_for_series_that_exist() -> None:
    asked = (DEPLOY / "prometheus/alerts.yaml").read_text() + (DEPLOY / "grafana/tunehouse.json").read_text()
    assert set(re.findall(r"tunehouse_[a-z_]+", asked)) <= metrics()


def test_the_dashboard_shows_every_series_of_the_installation() -> None:
    board = json.loads((DEPLOY / "grafana" / "tunehouse.json").read_text())
    shown = "".join(target["expr"] for panel in board["panels"] for target in panel["targets"])
    untold = {"tunehouse_work_items", "tunehouse_schema_revision_info"}
    assert {name for name in HELP if name not in shown} == untold
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_each_alert_has_its_section_in_the_runbook() -> None:
    (file,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    rules = [rule for group in file["groups"] for rule in group["rules"]]
    sections = re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.MULTILINE)
    assert [rule["alert"] for rule in rules] == sections
    for rule in rules:
        page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
        assert (ROOT / page, anchor) == (RUNBOOK, rule["alert"].lower())


def check(*argv: str | Path, **environment: str) -> None:
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_is_tried_out() -> None:
    (file,) = documents(DEPLOY / "prometheus" / "alerts.yaml")
    alerts = {rule["alert"] for group in file["groups"] for rule in group["rules"]}
    tried = (Path(__file__).with_name("alerts_test.yaml")).read_text()
    assert set(re.findall(r"{alertname=\"(\w+)\"}", tried)) == alerts


def test_promtool_accepts_the_rules_and_fires_them() -> None:
    promtool = program("promtool")
    check(promtool, "check", "rules", DEPLOY / "prometheus" / "alerts.yaml")
    check(promtool, "check", "config", DEPLOY / "prometheus" / "prometheus.yaml")
    check(promtool, "test", "rules", Path(__file__).with_name("alerts_test.yaml"))


def test_haproxy_accepts_its_configuration() -> None:
    places = {name: f"127.0.0.1:{80 + number}" for number, name in enumerate(("BALANCER", "API_1", "API_2"))}
    environment = {f"TUNEHOUSE_{name}": place for name, place in places.items()}
    check(program("haproxy"), "-c", "-f", DEPLOY / "haproxy" / "haproxy.cfg", **environment)


def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = (DEPLOY / "nginx" / "tunehouse.conf").read_text()
    server = server.replace("/etc/ssl/tunehouse.crt", str(certificate)).replace(
        "/etc/ssl/tunehouse.key", str(key)
    )
    config = tmp_path / "nginx.conf"
    config.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{server}\n}}\n")
    check(program("nginx"), "-t", "-e", "stderr", "-p", tmp_path, "-c", config)


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for unit in (DEPLOY / "systemd").glob("*.service"):
        text = unit.read_text().replace("/opt/tunehouse/.venv", str(ROOT / ".venv"))
        (tmp_path / unit.name).write_text(text)
    argv = [program("systemd-analyze"), "verify", *sorted(tmp_path.glob("*.service"))]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if "tunehouse" in line] == []
