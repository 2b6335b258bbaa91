"""What holds for the source as a whole, held by looking at it."""

import ast
import re
import statistics
import subprocess
import sys
import tomllib
from importlib import import_module
from operator import attrgetter
from pathlib import Path

from tests.e2e.sources import PACKAGES, ROOT, calls, dotted, files, place, tree
from worker.steps import STEPS

MAX_LINES = 300
COMMITS_IN = {"service/core/db.py"}
# A block begun in one of these ways commits at its end; `?` is the result of a call, such as `engine()`.
BEGINS = {"?.begin", "engine.begin", "connection.begin", "session.begin"}
# The gateway's statements; CREATE DATABASE, which no transaction allows; LISTEN, which writes nothing.
AUTOCOMMIT_IN = {"service/core/postgres/prepared.py", "service/local/postgres.py", "service/events/tail.py"}
STATEMENTS_IN = {"service/core/postgres/prepared.py", "service/gateway/metering/meter.py"}


def test_nothing_but_the_one_transaction_commits() -> None:
    commits = [
        place(path, node)
        for path in files("service", "worker")
        for name, node in calls(path)
        if (name.endswith(".commit") or name in BEGINS) and str(path.relative_to(ROOT)) not in COMMITS_IN
    ]
    assert commits == []


def test_nothing_commits_by_itself_but_the_statements_of_the_gateway() -> None:
    alone = {
        str(path.relative_to(ROOT))
        for path in files("service", "worker")
        for _, node in calls(path)
        for word in node.keywords
        if word.arg == "autocommit"
    }
    users = {
        str(path.relative_to(ROOT))
        for path in files("service", "worker")
        if "core.postgres.prepared import" in path.read_text()
    }
    assert (alone, users | {"service/core/postgres/prepared.py"}) == (AUTOCOMMIT_IN, STATEMENTS_IN)


def test_every_kind_of_work_that_is_scheduled_has_a_step() -> None:
    unknown = []
    for path in files("service", "worker"):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for name, node in calls(path):
            if name not in ("work.schedule", "work.hasten") or len(node.args) < 2:
                continue
            kind = dotted(node.args[1]) or "?"
            try:
                value = attrgetter(kind)(import_module(module))
            except AttributeError:
                unknown.append(f"{place(path, node)}: {kind} is not a constant")
                continue
            if value not in STEPS:
                unknown.append(f"{place(path, node)}: {kind} has no step")
    assert unknown == []


def test_every_step_belongs_to_a_kind_that_somebody_schedules() -> None:
    text = "".join(path.read_text() for path in files("service"))
    assert [kind for kind in STEPS if f'"{kind}"' not in text] == []


def test_no_file_is_longer_than_a_person_reads_in_one_go() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in files(*PACKAGES, "tests", "benchmarks")}
    long = {str(path.relative_to(ROOT)): count for path, count in lengths.items() if count > MAX_LINES}
    assert long == {}


def test_the_median_file_is_short() -> None:
    lengths = [
        len(path.read_text().splitlines())
        for path in files("service", "worker", "trainer")
        if path.stat().st_size
    ]
    assert statistics.median(lengths) <= 90


def test_only_what_an_idle_process_must_not_load_is_imported_inside_a_function() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    late = tuple(rules["flake8-tidy-imports"]["banned-module-level-imports"])
    inner = [
        place(path, found)
        for path in files(*PACKAGES)
        for function in ast.walk(tree(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for found in ast.walk(function)
        if isinstance(found, ast.Import | ast.ImportFrom) and not imported(found).startswith(late)
    ]
    assert inner == []


def imported(found: ast.Import | ast.ImportFrom) -> str:
    """The module that a statement imports."""
    return found.module or "" if isinstance(found, ast.ImportFrom) else found.names[0].name


def test_imports_go_downwards_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(linter)], check=False, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-3000:]


def test_every_public_function_and_class_says_what_it_is() -> None:
    silent = [
        place(path, node)
        for path in files("service", "worker", "trainer")
        for node in tree(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


def test_no_two_classes_have_the_same_name() -> None:
    places: dict[str, list[str]] = {}
    for path in files("service", "worker", "trainer"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(place(path, node))
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_a_decision_fits_on_a_page() -> None:
    long = [path.name for path in (ROOT / "docs/decisions").glob("*.md") if path.read_text().count("\n") > 40]
    assert long == []


def test_links_between_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")]
    broken = [
        f"{path.relative_to(ROOT)}: {link}"
        for path in documents
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
        if not (path.parent / link).exists()
    ]
    assert broken == []


def test_nothing_is_left_to_do() -> None:
    marks = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in files(*PACKAGES)
        if (match := marks.search(path.read_text()))
    ]
    assert found == []
