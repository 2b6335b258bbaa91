"""Chapter 5: ask the base and the tuned model the same question, and meter both answers."""

from decimal import Decimal

from service.cli.demo.people import Admin, DemoTeam
from service.cli.demo.screen import Screen, usd
from service.cli.demo.training import BASE

QUESTION = "可以寄到挪威吗？"


def compare(admin: Admin, team: DemoTeam, model: str, screen: Screen) -> None:
    """Ask both models, the tuned one with streaming."""
    before = admin.spent_usd(team)
    screen.quote("Question", QUESTION)
    plain = team.sdk.chat.completions.create(model=BASE, messages=[{"role": "user", "content": QUESTION}])
    from_base = plain.choices[0].message.content or ""
    screen.quote(f"{BASE} answers", from_base)
    from_tuned, pieces = _ask_streaming(team, model, QUESTION)
    screen.quote(f"{model} answers, in {pieces} chunks", from_tuned)
    screen.claim("The tuned model answers in the shop's style", "怎么办：" in from_tuned, from_tuned)
    screen.claim("The base model does not", "怎么办：" not in from_base, from_base)
    spent = admin.spent_usd(team) - before
    screen.claim(f"Both answers were metered: {usd(spent)}", spent > 0, spent)


def ask_once(team: DemoTeam, screen: Screen) -> None:
    """Let the other team use a model too, so that the bill lists two teams."""
    team.sdk.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "Is anyone there?"}])
    screen.say(f"{team.name} asks {BASE} a question too")


def spent_all(admin: Admin, teams: list[DemoTeam]) -> Decimal:
    """The amount that all budgets together count as spent."""
    return sum((admin.spent_usd(team) for team in teams), Decimal(0))


def _ask_streaming(team: DemoTeam, model: str, question: str) -> tuple[str, int]:
    """The whole answer, and the number of chunks."""
    stream = team.sdk.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True
    )
    pieces = [piece.choices[0].delta.content or "" for piece in stream if piece.choices]
    return "".join(pieces), sum(bool(piece) for piece in pieces)
