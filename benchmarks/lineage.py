"""The lineage of a team of 10,000 tuned models, a thousand generations deep, over HTTP.

`python -m benchmarks.lineage [--models 10000] [--generations 1000]`
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psycopg

from benchmarks.harness.servers import ADMIN_KEY
from benchmarks.ledger import database, machine, roll_up_everything
from benchmarks.tables import say, took
from service.settings import settings
from tests.support.processes import Api

FILES = 5_000
PROVIDERS = '[{"name":"trainer","kind":"trainer","base_url":"http://127.0.0.1:9/v1","api_key":"none"}]'

_FILES = """
INSERT INTO files (id, team_id, purpose, filename, size_bytes, sha256, status, created_at)
SELECT 'file-' || n, %(team)s, 'fine-tune', 'data-' || n || '.jsonl', 1000, md5(n::text) || md5(n::text),
       'processed', now() FROM generate_series(0, %(files)s - 1) AS n
"""
# One training entry per model, and of its use one for what it read and one for what it wrote.
_ENTRIES = """
INSERT INTO ledger_rows (number, booked_at, account_ref, form_id, unique_key, subject_id, quantities, job_id)
SELECT row_number() OVER (), now(), a.ref, ledger_form(%(team)s, jsonb_build_object(
           'model', m.id, 'base_model', m.base_model, 'provider', 'trainer', 'tags', '{}'::jsonb,
           'kinds', ARRAY[k.kind], 'units', ARRAY['tokens'], 'tiers', ARRAY['standard'],
           'price_ids', ARRAY[NULL], 'prices_usd', ARRAY[10], 'unit_quantities', ARRAY[1000000]), NULL, NULL),
       m.id || k.kind, m.job_id, '{5000}', CASE WHEN k.kind = 'training_tokens' THEN m.job_id END
FROM accounts a, tuned_models m,
     (VALUES ('training_tokens'), ('input_tokens'), ('output_tokens')) AS k (kind)
WHERE a.id = %(team)s
"""
_ACCOUNT = """
UPDATE accounts SET last_number = n.last, spent_usd = n.spent, month_spent_usd = n.spent
FROM (SELECT max(number) AS last, sum(amount_usd) AS spent FROM ledger_entries) n WHERE id = %(team)s
"""


def main() -> None:
    """Run it all and print a report in Markdown."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--models", type=int, default=10_000)
    options.add_argument("--generations", type=int, default=1_000)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as dsn:
        say(f"`python -m benchmarks.lineage --models {asked.models} --generations {asked.generations}`")
        say(machine(dsn))
        with (
            serving_process(Path(folder)) as api,
            httpx2.Client(base_url=api.url, timeout=120, trust_env=False) as http,
        ):
            team = join(http)
            names = grow(dsn, team, asked.models, asked.generations)
            took(f"{3 * asked.models:,} entries summed", lambda: roll_up_everything(dsn))
            ask_everything(http, names, asked.generations)


@contextmanager
def serving_process(folder: Path) -> Iterator[Api]:
    """A running api process."""
    env = {
        "TUNEHOUSE_DATABASE_URL": settings().database_url.get_secret_value(),
        "TUNEHOUSE_ADMIN_KEY": ADMIN_KEY,
        "TUNEHOUSE_STORAGE_URL": f"file://{folder / 'storage'}",
        "TUNEHOUSE_PROVIDERS": PROVIDERS,
    }
    api = Api(env, folder)
    api.start()
    try:
        yield api
    finally:
        api.stop()


def join(http: httpx2.Client) -> str:
    """Create a team with a budget, and use its key from now on."""
    http.headers["authorization"] = f"Bearer {ADMIN_KEY}"
    team = http.post("/v1/teams", json={"name": "Bench", "slug": "bench"}).json()["id"]
    http.put(f"/v1/teams/{team}/budget", json={"limit_usd": "1000000", "period": "total"}).raise_for_status()
    key = http.post(f"/v1/teams/{team}/keys", json={"name": "bench"}).json()["secret"]
    http.headers["authorization"] = f"Bearer {key}"
    return str(team)


def grow(dsn: str, team: str, models: int, generations: int) -> list[str]:
    """Insert one tree: a line of `generations`, and the other models at random places in it."""
    chance = random.Random(1)
    names = [
        f"ft:sandbox-mini:bench:m{number}:{chance.getrandbits(40):010x}"[:60] for number in range(models)
    ]
    parents = [None if number == 0 else _parent(number, generations, chance) for number in range(models)]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(_FILES, {"team": team, "files": FILES})
        copy = (
            "COPY tuned_models (id, team_id, kind, provider, provider_model, base_model, parent_id, job_id, "
            "training_file, created_at) FROM STDIN"
        )
        with connection.cursor().copy(copy) as rows:
            for number, parent in enumerate(parents):
                rows.write_row(
                    (
                        names[number], team, "model", "trainer", f"there-{number}", "sandbox-mini",
                        None if parent is None else names[parent], f"ftjob-{number:024}",
                        f"file-{number % FILES}", "2026-01-01T00:00:00Z",
                    )
                )  # fmt: skip
        connection.execute(_ENTRIES, {"team": team})
        connection.execute(_ACCOUNT, {"team": team})
        connection.execute("VACUUM ANALYZE")
    return names


def _parent(number: int, generations: int, chance: random.Random) -> int:
    """The parent of a model: the previous one in the line, any earlier model after it."""
    return number - 1 if number < generations else chance.randrange(number)


def ask_everything(http: httpx2.Client, names: list[str], generations: int) -> None:
    """Time each kind of question."""
    say("\n| question | fastest, ms | median | slowest | answer | size |\n|---|---|---|---|---|---|")
    first, middle, deepest, leaf = names[0], names[generations // 2], names[generations - 1], names[-1]
    trees = "/v1/models/{}/lineage?direction="
    timed(http, f"ancestors of generation {generations:,}", trees.format(deepest) + "ancestors")
    timed(http, "both ways from the middle of that line", trees.format(middle) + "both")
    timed(http, "descendants of the first model", trees.format(first) + "descendants")
    timed(http, "the same, children alone", trees.format(first) + "descendants&depth=1")
    timed(http, "the same, 10,000 models shown", trees.format(first) + "descendants&limit=10000")
    timed(http, "both ways from a leaf", trees.format(leaf) + "both")
    timed(http, "both ways from the middle, as Mermaid", trees.format(middle) + "both&format=mermaid")
    timed(http, "impact of the first model's dataset", "/v1/files/file-0/impact")
    timed(http, "impact of a later dataset", f"/v1/files/file-{FILES - 1}/impact")
    timed(http, "what breaks when", "/v1/shutdowns")


def timed(http: httpx2.Client, what: str, path: str, times: int = 25) -> None:
    """Send a request several times; returns the fastest, median and slowest in ms, and the answer."""
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    lasted = []
    for _ in range(times):
        started = time.perf_counter()
        answer = http.get(path)
        lasted.append((time.perf_counter() - started) * 1000)
    say(
        f"| {what} | {min(lasted):.0f} | {statistics.median(lasted):.0f} | {max(lasted):.0f} | "
        f"{content(answer)} | {len(answer.content) / 1e6:.1f} MB |"
    )


def content(answer: httpx2.Response) -> str:
    """A summary of an answer."""
    if not answer.headers["content-type"].startswith("application/json"):
        return f"{answer.text.count(chr(10)):,} lines"
    body = answer.json()
    if body["object"] == "lineage":
        cost = body["cumulative_cost_usd"]["total"]
        more = ", truncated" if body["truncated"] else ""
        return f"{len(body['nodes']):,} nodes, {len(body['edges']):,} edges{more}, ${cost} in all"
    if body["object"] == "file.impact":
        return f"{len(body['models']):,} models{', truncated' if body['truncated'] else ''}"
    return f"{len(body['data']):,} ends"


if __name__ == "__main__":
    main()
