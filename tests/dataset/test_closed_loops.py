"""What conversion, cleaning and splitting write is accepted again, and not changed by another round."""

import itertools
from pathlib import Path

import pytest

from service.dataset.check.checker import check
from service.dataset.convert.pipeline import Conversion, Options, source_within
from service.dataset.convert.sources import source_of
from service.dataset.split import choose, part
from tests.dataset.containers import CONTAINERS
from tests.dataset.test_shapes import SHAPES

FORMATS = sorted((Path(__file__).parent / "golden" / "formats").glob("*.jsonl"))
OPTIONS = [
    Options(),
    Options(clean_html=True, clean_control=True),
    Options(to="chat", system="Be kind."),
    Options(to="completion"),
]


def converted(data: bytes, options: Options, filename: str = "a.jsonl") -> bytes:
    return b"".join(Conversion([data], source_of(filename), len(data), options))


def is_taken_as_it_is(data: bytes) -> bool:
    """Return whether a file passes its check without being converted or normalised."""
    report = check([data])
    return report.passed and not report.normalised and source_within([data], source_of("a.jsonl")).is_jsonl


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
@pytest.mark.parametrize("options", OPTIONS, ids=["plain", "clean", "chat", "completion"])
def test_what_was_converted_is_accepted_and_stays_the_same(path: Path, options: Options) -> None:
    once = converted(path.read_bytes(), options)
    if not (options.to and path.stem == "chat"):  # whose pairs and chats with tools a completion lacks
        assert is_taken_as_it_is(once)
    assert converted(once, Options()) == once
    assert converted(once, options) == once


@pytest.mark.parametrize("shape", SHAPES)
def test_what_was_made_from_any_container_is_accepted_as_it_is(shape: str) -> None:
    row, example = SHAPES[shape]
    for container, write in CONTAINERS.items():
        sent = example if "json" in container else row
        assert is_taken_as_it_is(converted(write([sent] * 3), Options(), container)), container


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.stem)
def test_both_sides_of_a_split_are_accepted(path: Path) -> None:
    data = [converted(path.read_bytes(), Options())]
    assert len(data[0].splitlines()) > 1
    for share, seed in itertools.product((0.1, 0.5), (0, 1)):
        chosen = choose(data, share=share, seed=seed, stratify="auto")
        sides = [b"".join(part(data, chosen, validation=side)) for side in (False, True)]
        assert sorted(b"".join(sides).splitlines()) == sorted(data[0].splitlines())
        assert all(is_taken_as_it_is(side) for side in sides if side)
