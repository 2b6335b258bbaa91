"""The table of clients and calls in docs/guide/clients.md, made from what a run found."""

from tests.clients.runs import CLIENTS, KNOWN, ROOT, Client, Outcome

PAGE = ROOT / "docs" / "guide" / "clients.md"
_BEGIN, _END = "<!-- clients: written by GOLDEN=write make test-clients -->", "<!-- end of clients -->"
_found: dict[tuple[str, str], dict[str, Outcome]] = {}


def note(client: Client, where: str, outcomes: list[Outcome]) -> None:
    """Keep what a run of a client found, `where` being "sandbox" or "upstream"."""
    _found[client.name, where] = {one.call: one for one in outcomes}


def is_complete() -> bool:
    """Return whether every client has run wherever it is tried."""
    wanted = {(one.name, "sandbox") for one in CLIENTS}
    return wanted | {(one.name, "upstream") for one in CLIENTS if one.is_tried_upstream} <= _found.keys()


def render() -> str:
    """Return the table as Markdown: one row for each call."""
    lines = ["| client | call | sandbox | OpenAI-like upstream |", "|---|---|---|---|"]
    for client in CLIENTS:
        upstream = _found.get((client.name, "upstream"), {})
        for number, (call, one) in enumerate(_found[client.name, "sandbox"].items()):
            name = f"{client.name} ({one.version})" if number == 0 else ""
            lines.append(f"| {name} | {call} | {_word(one)} | {_word(upstream.get(call))} |")
    reasons = [f"{client}, {call}, {where}: {reason}." for (client, where, call), reason in KNOWN.items()]
    return "\n".join([*lines, "", *reasons]).strip()


def shown() -> str:
    """Return the table as the page has it."""
    return PAGE.read_text().partition(_BEGIN)[2].partition(_END)[0].strip()


def write() -> None:
    """Put the table into the page."""
    text = PAGE.read_text()
    PAGE.write_text(f"{text.partition(_BEGIN)[0]}{_BEGIN}\n{render()}\n{_END}{text.partition(_END)[2]}")


def _word(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    return "fails" if outcome.problem else "works"
