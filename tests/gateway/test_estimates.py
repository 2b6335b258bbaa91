"""What is reserved and what is charged, as numbers."""

from datetime import UTC, datetime
from decimal import Decimal

from service.catalog.models import find
from service.catalog.price import Price, PriceKind
from service.dataset.countable import of_chat
from service.gateway.dialects.choices import CHAT
from service.gateway.metering import amounts
from service.gateway.metering.usage import Usage, counted, from_chat, from_responses
from service.gateway.payer import Payer
from service.gateway.targets import Priced
from service.models.queries import Target


def priced(*kinds: PriceKind) -> Priced:
    """sandbox-mini at $1 a million tokens read, $0.50 when cached, $4 written."""
    usd = {"input_tokens": "1", "cached_input_tokens": "0.5", "output_tokens": "4"}
    base = find("trainer", "sandbox-mini")
    assert base is not None
    prices = {
        kind: Price(
            id=f"price_{kind}",
            provider_kind="trainer",
            model=base.id,
            method=None,
            kind=kind,
            tier="standard",
            unit_quantity=1_000_000,
            amount_usd=Decimal(usd[kind]),
            effective_from=datetime(2025, 1, 1, tzinfo=UTC),
        )
        for kind in kinds
    }
    return Priced(Target(base.id, "trainer", base.id, base, None), {"standard": prices})


ALL = priced(PriceKind.INPUT_TOKENS, PriceKind.CACHED_INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)
UNCACHED = priced(PriceKind.INPUT_TOKENS, PriceKind.OUTPUT_TOKENS)
CACHED = {PriceKind.CACHED_INPUT_TOKENS: 40}
PAYER = Payer("team_1", "key_1")


def test_a_request_without_a_limit_reserves_the_default_not_the_models_all() -> None:
    asked = CHAT.ask(b'{"model":"a"}')
    reads, writes = amounts.input_estimate(asked, 128_000), amounts.output_estimate(asked, 128_000, 1000)
    assert amounts.hold_usd(amounts.plain(ALL), reads, writes) == Decimal("0.000005") + Decimal("0.004")


def test_a_limit_times_the_answers_is_what_is_reserved() -> None:
    asked = CHAT.ask(b'{"model":"a","max_tokens":10,"n":3}')
    assert amounts.output_estimate(asked, 128_000, 1000) == 30


def test_no_more_is_reserved_than_the_model_can_hold() -> None:
    asked = CHAT.ask(b'{"model":"a","max_tokens":9000000,"x":"' + b"i" * 10**6 + b'"}')
    assert amounts.input_estimate(asked, 128_000) == 128_000
    assert amounts.output_estimate(asked, 128_000, 1000) == 128_000


def test_cached_input_has_its_own_price_and_row() -> None:
    rows = amounts.charges(Usage(100, 10, CACHED), amounts.plain(ALL), PAYER, "chatcmpl-1", {})
    assert {row.kind: (row.quantity, row.amount_usd) for row in rows} == {
        PriceKind.INPUT_TOKENS: (60, Decimal("0.00006")),
        PriceKind.CACHED_INPUT_TOKENS: (40, Decimal("0.00002")),
        PriceKind.OUTPUT_TOKENS: (10, Decimal("0.00004")),
    }


def test_without_a_price_for_cached_input_it_costs_what_any_input_does() -> None:
    rows = amounts.charges(Usage(100, 0, CACHED), amounts.plain(UNCACHED), PAYER, "chatcmpl-1", {})
    assert [(row.kind, row.quantity) for row in rows] == [(PriceKind.INPUT_TOKENS, 100)]


def test_each_request_has_one_row_for_its_input_even_when_it_is_nothing() -> None:
    rows = amounts.charges(Usage(40, 0, CACHED), amounts.plain(ALL), PAYER, "chatcmpl-1", {})
    assert (PriceKind.INPUT_TOKENS, 0) in [(row.kind, row.quantity) for row in rows]


def test_usage_is_read_in_both_forms_and_nonsense_is_none() -> None:
    chat = b'{"prompt_tokens":9,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":99}}'
    assert from_chat(chat) == Usage(9, 4, doubts=("usage_detail:cached_tokens",))
    responses = b'{"input_tokens":9,"output_tokens":4,"input_tokens_details":{"cached_tokens":2}}'
    assert from_responses(responses) == Usage(9, 4, {PriceKind.CACHED_INPUT_TOKENS: 2})
    for nonsense in (b"null", b"[]", b'{"prompt_tokens":-1}', b'{"prompt_tokens":"9"}', None):
        assert from_chat(nonsense) is None


def test_our_own_count_frames_messages_as_openai_does() -> None:
    assert counted(of_chat([{"role": "user", "content": "hi"}]), ["hello", " there"], "o200k_base") == Usage(
        3 + 1 + 1 + 3, 2, counted_by="tunehouse"
    )
