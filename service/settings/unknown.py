"""Find misspelt settings: variables that begin with `TUNEHOUSE_` and that nothing reads."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

PREFIX = "TUNEHOUSE_"
# Read by the trainer, by clients and examples, by the compose file, and by tests.
_ELSEWHERE = ("TRAINER_", "TEST_")
_OTHERS = {"CONFIG", "URL", "BASE_URL", "API_KEY", "KEY", "VERSION", "LISTEN"}


def complaint_about(environment: Mapping[str, str], fields: Iterable[str]) -> str | None:
    """Return a sentence about the first variable that nothing reads, or None.

    A variable that the value of another one names, as in `env:TUNEHOUSE_OPENAI_KEY`, is read.
    """
    known = {name.upper() for name in fields} | _OTHERS
    values = " ".join(value for name, value in environment.items() if name.startswith(PREFIX))
    for variable in sorted(environment):
        name = variable.removeprefix(PREFIX)
        if name == variable or name in known or name.startswith(_ELSEWHERE) or f"env:{variable}" in values:
            continue
        near = get_close_matches(name, known, n=1)
        hint = f" Did you mean {PREFIX}{near[0]}?" if near else " See docs/operations/settings.md."
        return f"{variable} is not a setting.{hint}"
    return None
