"""Problems of a file as a whole, found after its last line."""

from collections.abc import Iterator, Sequence

from service.dataset.formats import images
from service.dataset.formats.base import Format
from service.dataset.problems import Problem, of_file

_EMPTY = "The file has no examples; write one JSON object per line."
_UNKNOWN_FORMAT = (
    "No line is a training example.{} Each line must be a JSON object with 'messages' (chat, "
    "reinforcement), with 'prompt' and 'completion', or with 'input', 'preferred_output' and "
    "'non_preferred_output'."
)
_MAX_SHOWN_CHARS = 200


def problems_of_file(
    fmt: Format | None, *, examples: int, pictured: int, learns_nothing: bool, fields: Sequence[str]
) -> Iterator[Problem]:
    """Yield the problems of a file of so many examples.

    `pictured` of them have images; `learns_nothing` if there are valid ones and none of their tokens are
    trained. `fields` are those of the first object in a file of unknown format.
    """
    if not examples:
        yield of_file("empty_file", _EMPTY)
    elif fmt is None:
        shown = f" The first has the fields {', '.join(map(repr, fields))}"[:_MAX_SHOWN_CHARS] + "."
        yield of_file("unknown_format", _UNKNOWN_FORMAT.format(shown if fields else ""))
    if fmt and fmt.max_examples and examples > fmt.max_examples:
        message = f"{examples} examples; {fmt.method} training allows at most {fmt.max_examples}."
        yield of_file("too_many_examples", message)
    if pictured > images.MAX_EXAMPLES:
        message = f"{pictured} examples have images; the limit is {images.MAX_EXAMPLES} per file."
        yield of_file("too_many_images", message)
    if fmt is not None and fmt.trains_tokens and learns_nothing:
        message = "Every assistant message has weight 0; set some to 1 to train them."
        yield of_file("nothing_trained", message)
