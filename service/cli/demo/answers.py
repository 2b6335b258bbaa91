"""Point 5: base and tuned model are asked the same, and every answer is paid for."""

from decimal import Decimal

from service.cli.demo.people import Admin, Team
from service.cli.demo.screen import Screen, usd
from service.cli.demo.training import BASE

QUESTION = "可以寄到挪威吗？"


def compare(admin: Admin, team: Team, model: str, screen: Screen) -> None:
    """Ask both, the tuned one streaming."""
    before = admin.spent_usd(team)
    screen.quote("Question", QUESTION)
    plain = team.sdk.chat.completions.create(model=BASE, messages=[{"role": "user", "content": QUESTION}])
    from_base = plain.choices[0].message.content or ""
    screen.quote(f"{BASE} answers", from_base)
    from_tuned, pieces = _ask_streaming(team, model, QUESTION)
    screen.quote(f"{model} answers, in {pieces} pieces", from_tuned)
    screen.claim("The tuned model answers in the shop's manner", "怎么办：" in from_tuned, from_tuned)
    screen.claim("The base model does not", "怎么办：" not in from_base, from_base)
    spent = admin.spent_usd(team) - before
    screen.claim(f"Both answers were metered: {usd(spent)}", spent > 0, spent)


def ask_once(team: Team, screen: Screen) -> None:
    """A little use by the other team, so that the bill has two names on it."""
    team.sdk.chat.completions.create(model=BASE, messages=[{"role": "user", "content": "Is anyone there?"}])
    screen.say(f"{team.name} asks {BASE} something, too")


def spent_all(admin: Admin, teams: list[Team]) -> Decimal:
    """What all budgets together have counted."""
    return sum((admin.spent_usd(team) for team in teams), Decimal(0))


def _ask_streaming(team: Team, model: str, question: str) -> tuple[str, int]:
    """The whole answer, and the number of pieces it came in."""
    stream = team.sdk.chat.completions.create(
        model=model, messages=[{"role": "user", "content": question}], stream=True
    )
    pieces = [piece.choices[0].delta.content or "" for piece in stream if piece.choices]
    return "".join(pieces), sum(bool(piece) for piece in pieces)
