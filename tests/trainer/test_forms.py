"""The sandbox fills the form that DSPy's prompts describe."""

from trainer.engines.sandbox.forms import fill_form

SYSTEM = """All interactions will be structured in the following way, with the appropriate values filled in.

[[ ## question ## ]]
{question}

[[ ## tea ## ]]
{tea}

[[ ## minutes ## ]]
{minutes}        # note: the value you produce must be a single int value

[[ ## kind ## ]]
{kind}        # note: the value you produce must exactly match (no extra characters) one of: green; black

[[ ## tags ## ]]
{tags}        # note: the value you produce must adhere to the JSON schema: {"type": "array", "items": {"type": "string"}}

[[ ## completed ## ]]
"""  # noqa: E501  as DSPy writes it
ASKED = """[[ ## question ## ]]
Which tea?

Respond with the corresponding output fields, starting with the field `[[ ## tea ## ]]`, then `[[ ## minutes ## ]]` (must be formatted as a valid Python int), then `[[ ## kind ## ]]`, then `[[ ## tags ## ]]`, and then ending with the marker for `[[ ## completed ## ]]`."""  # noqa: E501  as DSPy writes it


def form(system: str = SYSTEM, asked: str = ASKED) -> str | None:
    return fill_form([{"role": "system", "content": system}, {"role": "user", "content": asked}])


def test_each_field_has_a_value_of_its_type_under_its_head() -> None:
    filled = form()
    assert filled is not None
    tea, minutes, kind, tags, end = [part.partition("\n") for part in filled.split("\n\n")]
    assert [part[0] for part in (tea, end)] == ["[[ ## tea ## ]]", "[[ ## completed ## ]]"]
    assert tea[2]
    assert int(minutes[2]) >= 0
    assert kind[2] == "green"
    assert tags[2].startswith('["')


def test_what_asks_for_no_form_or_for_an_unknown_value_gets_none() -> None:
    assert form(asked="Which tea?") is None
    assert form(system=SYSTEM.replace("be a single int value", "be prime")) is None
    assert form(system="") is None
