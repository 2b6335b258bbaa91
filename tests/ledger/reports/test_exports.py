"""CSV cells never run as formulas in a spreadsheet."""

import pytest

from service.ledger.reports.exports import to_csv


def cell(text: object) -> str:
    """Write one cell and return its text."""
    return to_csv(["c"], [{"c": text}]).split("\r\n", 1)[1].removesuffix("\r\n").strip('"')


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹫"])
@pytest.mark.parametrize(
    "before", ["", " ", "\n", "\r\n", "\t", "\u00a0", "\u3000", "\u200b", "\ufeff", "\x00"]
)
def test_a_sign_that_starts_a_formula_is_quoted_whatever_stands_before_it(sign: str, before: str) -> None:
    assert cell(f"{before}{sign}HYPERLINK(1)").startswith("'")


@pytest.mark.parametrize("text", ["\nx", "\tx", "\rx"])
def test_a_cell_that_begins_with_a_control_character_is_quoted(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "a=b", "ünï", "-1.25", "0.10", " a", "１", "–"])
def test_other_text_and_numbers_are_written_as_they_are(text: str) -> None:
    assert cell(text) == text


def test_a_column_name_is_a_cell_too() -> None:
    assert to_csv(["=1+1"], []).startswith("'=1+1")
