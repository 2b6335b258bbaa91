"""Makes the tables of docs/operations/settings.md from the code: `python -m tests.cli.settings_table`."""

from collections.abc import Iterator

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from service.settings import ProviderSettings, Settings
from tests.local.holding import ROOT

PAGE = ROOT / "docs" / "operations" / "settings.md"


def table(model: type[BaseModel], prefix: str) -> str:
    """One Markdown table: a row for each field of `model`."""
    return "\n".join(
        [
            "| Setting | Default | Meaning | When to change it |",
            "|---|---|---|---|",
            *rows(model, prefix),
        ]
    )


def rows(model: type[BaseModel], prefix: str) -> Iterator[str]:
    # Those that are declared in a file of their own come last.
    for name, field in sorted(
        model.model_fields.items(), key=lambda item: item[0] not in model.__annotations__
    ):
        shown = prefix + (name.upper() if prefix else name)
        meaning, _, change = (field.description or "").partition("\n")
        assert meaning and change, f"{name}: describe it in two lines, its meaning and when to change it"
        yield f"| `{shown}` | {default(field)} | {meaning} | {change} |"


def default(field: FieldInfo) -> str:
    """The default as the environment would spell it."""
    value = field.get_default(call_default_factory=True, validated_data={})
    if value is PydanticUndefined:
        return "required"
    if value in (None, [], ""):
        return "none"
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return f"`{value}`"


def filled(page: str) -> str:
    """The page with its two tables as the code has them."""
    tables = {"settings": table(Settings, "TUNEHOUSE_"), "providers": table(ProviderSettings, "")}
    for name, made in tables.items():
        before, start, rest = page.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition("\n<!-- end -->")
        page = before + start + made + end + after
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
