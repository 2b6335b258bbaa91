"""When a failing provider is left alone."""

from service.gateway.circuit import Circuit


def test_it_opens_after_five_failures_in_a_row_and_lets_one_try_after_five_seconds() -> None:
    circuit = Circuit()
    for _ in range(4):
        circuit.fail(now=0)
    assert circuit.retry_after_s(now=0) == 0
    circuit.fail(now=0)
    assert circuit.retry_after_s(now=1) == 4
    assert circuit.retry_after_s(now=5) == 0
    assert circuit.retry_after_s(now=5) > 0, "the others wait for the one who tries"


def test_a_success_closes_it() -> None:
    circuit = Circuit()
    for _ in range(5):
        circuit.fail(now=0)
    assert circuit.retry_after_s(now=6) == 0
    circuit.succeed()
    assert circuit.retry_after_s(now=6) == 0
    assert not circuit.is_open


def test_a_failed_try_opens_it_again() -> None:
    circuit = Circuit()
    for _ in range(5):
        circuit.fail(now=0)
    circuit.retry_after_s(now=6)
    circuit.fail(now=7)
    assert circuit.retry_after_s(now=8) == 4


def test_failures_that_are_not_in_a_row_do_not_open_it() -> None:
    circuit = Circuit()
    for _ in range(10):
        circuit.fail(now=0)
        circuit.succeed()
    assert circuit.retry_after_s(now=0) == 0
