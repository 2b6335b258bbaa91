"""Result files arrive as plain CSV, however the provider packs them."""

import base64

import pytest

from service.providers.results import MAX_RESULT_BYTES, ResultTooLarge, decode_result, read_bounded

CSV = b"step,train_loss\n1,0.5\n2,0.25\n"


@pytest.mark.parametrize(
    "packed",
    [CSV, base64.b64encode(CSV), base64.encodebytes(CSV * 20)[:-1], b"\xef\xbb\xbf" + CSV],
    ids=["plain", "base64", "base64 in lines", "with a byte order mark"],
)
def test_each_packing_unpacks_to_the_csv(packed: bytes) -> None:
    assert decode_result(packed).startswith(CSV)


def test_a_cut_base64_file_is_left_as_it_is() -> None:
    cut = base64.b64encode(CSV)[:-3]

    assert decode_result(cut) == cut


def test_a_file_beyond_the_limit_is_refused_before_it_is_held() -> None:
    chunk = b"x" * 2**20
    read = 0

    def endless() -> object:
        nonlocal read
        while True:
            read += len(chunk)
            yield chunk

    with pytest.raises(ResultTooLarge):
        read_bounded(endless())  # type: ignore[arg-type]
    assert read < 2 * MAX_RESULT_BYTES
