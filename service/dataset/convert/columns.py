"""Convert rows to examples by their column names, ignoring case.

| columns | becomes |
|---|---|
| `messages`, or ShareGPT's `conversations`; perhaps `tools`, `parallel_tool_calls`, `system` | chat |
| `user` and `assistant`, `question` and `answer`, `instruction` and `output` …; perhaps `system`, and what
a question or instruction is about, as `context` or `input` | chat |
| `prompt` and `completion` | completion; chat where they hold messages |
| `chosen` and `rejected`, perhaps `prompt`; or `input`, `preferred_output`, `non_preferred_output` |
preference |
| `messages`, `user`, `question` or `prompt`, when reinforcement is asked for | reinforcement; the rest are
references |
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, NoReturn

from service.dataset.convert import cells
from service.dataset.convert.cells import Misfit
from service.dataset.convert.problems import Unreadable
from service.dataset.convert.rows import Row

Example = dict[str, Any]
Build = Callable[["Reader"], Example]
_PAIRS = (
    ("user", "assistant"),
    ("question", "answer"),
    ("instruction", "output"),
    ("instruction", "response"),
    ("query", "response"),
    ("prompt", "response"),
    ("input", "output"),
)
_CHATS = ("messages", "conversations", "conversation")
_ASKED = ("user", "question", "prompt")
# What a question is about, as Alpaca, Dolly and SQuAD name it: without it the answer is a guess.
_MATERIAL = {"instruction": ("input", "context"), "question": ("context",)}
_PREFERENCE = ("input", "preferred_output", "non_preferred_output")
_PICTURES = ("images", "image")
_OPTIONAL_JSON = ("tools", "functions", "parallel_tool_calls")
_WANTED = (
    "Name the columns question/answer, user/assistant, instruction/output, prompt/completion, "
    "prompt/chosen/rejected or messages, or map yours: POST /v1/files/{id}/convert "
    '{"columns": {"user": …, "assistant": …}}.'
)


class Reader:
    """One row's cells by lower-case name. A cell of the wrong type raises `Unreadable` with its place."""

    def __init__(self, row: Row, names: Mapping[str, str], kinds: dict[str, str]) -> None:
        self._row, self._names, self._kinds = row, names, kinds

    def has(self, name: str) -> bool:
        """Return whether the row has a value in the column."""
        return name in self._names and not cells.is_missing(self._row.cells.get(self._names[name]))

    def raw(self, name: str) -> Any:
        """Return the unconverted cell; None if the row lacks it."""
        return self._row.cells.get(self._names[name])

    def holds_messages(self, name: str) -> bool:
        """Return whether the column holds messages, which its first cell decides for all rows."""
        found = cells.holds_messages(self.raw(name))
        return self._kinds.setdefault(self._names[name], "messages" if found else "text") == "messages"

    def text(self, name: str) -> str:
        """Return the cell as text."""
        return str(self._read(name, "text", cells.text))

    def messages(self, name: str) -> list[Example]:
        """Return the cell as messages."""
        found: list[Example] = self._read(name, "messages", cells.messages)
        return found

    def json(self, name: str) -> Any:
        """Return the cell as JSON."""
        return self._read(name, "JSON", cells.structured)

    def references(self, but: Collection[str]) -> Example:
        """Return the row's other cells under their original names, with the types they have in the file."""
        rest = {name: own for name, own in self._names.items() if name not in but and own in self._row.cells}
        return {own: self._read(name, "reference", cells.reference) for name, own in rest.items()}

    def refuse(self, name: str, why: str) -> NoReturn:
        """Raise `Unreadable` about a cell of this row."""
        raise Unreadable(f"{self._row.place}, column {self._names[name][:60]!r}: {why}.")

    def _read(self, name: str, kind: str, read: Callable[[Any], Any]) -> Any:
        self._kinds.setdefault(self._names[name], kind)
        try:
            return read(self.raw(name))
        except Misfit as misfit:
            self.refuse(name, str(misfit))


class ExampleTable:
    """Converts rows to examples.

    The first row decides how each column is read; JSON objects that follow may have further fields.
    """

    def __init__(self, columns: Mapping[str, str], format_name: str | None) -> None:
        self._columns = columns
        self._format = format_name
        self._build: Build | None = None
        self._seen: dict[str, None] = {}
        self._names: dict[str, str] = {}
        self._kinds: dict[str, str] = {}

    def example(self, row: Row) -> Example:
        """Return the row as an example. Raises `Unreadable` with its place."""
        if not row.cells.keys() <= self._seen.keys():
            self._seen |= dict.fromkeys(row.cells)
            self._names = _names(self._seen, self._columns)
        reader = Reader(row, self._names, self._kinds)
        if self._build is None:
            self._build = _shape(Reader(row, self._names, {}), self._names, self._format)
            if self._build is None:
                shown = ", ".join(repr(name[:40]) for name in list(row.cells)[:20])
                raise Unreadable(f"No training columns found. The file has {shown}. {_WANTED}")
        for name in _PICTURES:
            if self._format != "reinforcement" and reader.has(name) and reader.raw(name) != []:
                reader.refuse(name, "images must be in the messages, as parts of type 'image_url'")
        return self._build(reader)

    def note(self) -> str:
        """Return how each column was read, for the report."""
        names = list(self._names.values())
        read = ", ".join(f"{name!r} as {self._kinds[name]}" for name in names[:40] if name in self._kinds)
        unused = [repr(name) for name in names[:40] if name not in self._kinds]
        return f"Columns read: {read}." + (f" Not used: {', '.join(unused)}." if unused else "")


def are_columns(names: Collection[str], format_name: str | None) -> bool:
    """Return whether a table with these columns makes examples."""
    row = Row(1, "", dict.fromkeys(names, ""))
    try:
        found = _names(names, {})
    except Unreadable:
        return False
    return _shape(Reader(row, found, {}), found, format_name) is not None


def needs_building(example: Example, format_name: str | None) -> bool:
    """Return whether a JSON object is an example in another tool's shape, not in one of the API's formats."""
    if "preferred_output" in example or "non_preferred_output" in example:
        return False
    said = example.get("messages")
    in_texts = any(isinstance(example.get(name), str) for name in ("messages", *_OPTIONAL_JSON))
    if (
        "messages" in example
        and not in_texts
        and not isinstance(example.get("system"), str)
        and not (isinstance(said, list) and said and _is_sharegpt(said[0]))
    ):
        return False
    if (
        example.keys() >= {"prompt", "completion"}
        and not cells.holds_messages(example["prompt"])
        and not isinstance(example.get("label"), bool)
    ):
        return False
    names = _names(example, {})
    return _shape(Reader(Row(1, "line 1", example), names, {}), names, format_name) is not None


def _is_sharegpt(message: Any) -> bool:
    return isinstance(message, dict) and "from" in message and "role" not in message


def _names(row: Collection[str], columns: Mapping[str, str]) -> dict[str, str]:
    """Return the file's column names by the lower-case names that they stand for."""
    folded: dict[str, str] = {}
    for name in row:
        other = folded.setdefault(name.strip().casefold(), name)
        if other != name:
            both = f"{other[:60]!r} and {name[:60]!r}"
            raise Unreadable(f"The columns {both} have the same name in different case; keep one.")
    chosen = {ours: folded[theirs.strip().casefold()] for ours, theirs in columns.items()
              if theirs.strip().casefold() in folded}  # fmt: skip
    return {name: own for name, own in folded.items() if own not in chosen.values()} | chosen


def _shape(first: Reader, names: Mapping[str, str], format_name: str | None) -> Build | None:
    chat = next((name for name in _CHATS if name in names), None)
    if chat is not None:
        return partial(_conversation, name=chat, keeps_references=format_name == "reinforcement")
    if set(_PREFERENCE) <= names.keys():
        return lambda row: {name: row.json(name) for name in _PREFERENCE}
    if {"chosen", "rejected"} <= names.keys():
        return _preference
    asked = next((name for name in _ASKED if name in names), None)
    if format_name == "reinforcement" and asked is not None:
        return partial(_reinforcement, asked=asked)
    if {"prompt", "completion"} <= names.keys():
        if "label" in names and str(first.raw("label")).casefold() in ("true", "false"):
            first.refuse(
                "label",
                "marks good and bad completions (KTO), which no method here learns from. Keep the good rows "
                "and remove the column, or upload pairs of chosen and rejected answers",
            )
        if cells.holds_messages(first.raw("prompt")) or cells.holds_messages(first.raw("completion")):
            return _continued
        return lambda row: {name: row.text(name) for name in ("prompt", "completion")}
    for user, assistant in _PAIRS:
        if {user, assistant} <= names.keys():
            return partial(_pair, user=user, assistant=assistant)
    return None


def _conversation(row: Reader, name: str, keeps_references: bool) -> Example:
    found = row.messages(name)
    if not keeps_references:
        found = [*_system(row), *found]
    made = {"messages": found} | _tools(row)
    return made | row.references({name, *_OPTIONAL_JSON}) if keeps_references else made


def _continued(row: Reader) -> Example:
    messages = [*_system(row), *row.messages("prompt"), *row.messages("completion")]
    return {"messages": messages} | _tools(row)


def _tools(row: Reader) -> Example:
    return {name: row.json(name) for name in _OPTIONAL_JSON if row.has(name)}


def _pair(row: Reader, user: str, assistant: str) -> Example:
    answer = {"role": "assistant", "content": row.text(assistant)}
    return {"messages": [*_opening(row, user), answer]} | _tools(row)


def _reinforcement(row: Reader, asked: str) -> Example:
    return {"messages": _opening(row, asked)} | row.references({asked, "system"})


def _opening(row: Reader, user: str) -> list[Example]:
    return [*_system(row), *_asked(row, user)]


def _system(row: Reader) -> list[Example]:
    return [{"role": "system", "content": row.text("system")}] if row.has("system") else []


def _asked(row: Reader, user: str) -> list[Example]:
    if row.holds_messages(user):
        return row.messages(user)
    texts = [row.text(user), *(row.text(name) for name in _MATERIAL.get(user, ()) if row.has(name))]
    return [{"role": "user", "content": "\n\n".join(texts)}]


def _preference(row: Reader) -> Example:
    """Convert TRL's three forms: texts, messages after a prompt, conversations with a common beginning."""
    better, worse = (
        row.messages(name) if row.holds_messages(name) else [{"role": "assistant", "content": row.text(name)}]
        for name in ("chosen", "rejected")
    )
    shared = better[:-1] if better[:-1] == worse[:-1] else []
    outputs = {
        "preferred_output": better[len(shared) :],
        "non_preferred_output": worse[len(shared) :],
    }
    asked = _asked(row, "prompt") if row.has("prompt") else []
    if not asked and not shared:
        row.refuse("chosen", "has no question before it; add a column 'prompt', or write lists of messages")
    if asked and shared and asked[-len(shared) :] != shared:
        if asked not in (shared[: len(asked)], shared[-len(asked) :]):
            row.refuse("prompt", "differs from the messages that 'chosen' begins with; remove one of them")
        asked = shared
    return {"input": {"messages": [*_system(row), *(asked or shared)]} | _tools(row)} | outputs
