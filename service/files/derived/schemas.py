"""Request and response bodies of conversions and splits."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from service.core.http.wire import Text, WireIn, WireOut
from service.dataset.convert.pipeline import Options
from service.dataset.formats.detect import FormatName
from service.files.form import MAX_FILENAME_CHARS, plain_name
from service.files.schemas import FileOut

FileName = Annotated[str, Field(min_length=1, max_length=MAX_FILENAME_CHARS), AfterValidator(plain_name)]
Marks = Annotated[Text, Field(max_length=200)]


class Clean(WireIn):
    """What to remove from every text."""

    html: bool = False
    """Remove leftover HTML tags and entities."""
    control: bool = False
    """Remove control characters other than line breaks and tabs."""


class Convert(WireIn):
    """How to convert a file; omitted fields change nothing."""

    format: FormatName | None = None
    """The format to produce: chat from completion, or completion from chat. Null keeps it."""
    columns: Annotated[dict[Marks, Marks], Field(max_length=50)] = Field(default_factory=dict)
    """Fields by the column to fill them from, such as `{"user": "Frage"}`; up to 50."""
    system: Annotated[Text, Field(max_length=20_000)] | None = None
    """The system prompt of new chats, up to 20,000 characters."""
    separator: Marks | None = None
    """Text to append to every prompt, such as `\\n\\n###\\n\\n`."""
    stop: Marks | None = None
    """Text to append to every completion, such as ` END`."""
    clean: Clean = Field(default_factory=Clean)
    """What to remove from every text."""
    filename: FileName | None = None
    """The name of the new file; null derives it from the source's."""

    def options(self) -> Options:
        """Return the converter's form of the request."""
        return Options(
            to=self.format,
            columns=self.columns,
            system=self.system,
            separator=self.separator,
            stop=self.stop,
            clean_html=self.clean.html,
            clean_control=self.clean.control,
        )


class Split(WireIn):
    """How to split a file in two."""

    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The share of examples for validation, above 0 and below 1."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Chooses the examples: the same seed makes the same two files."""
    stratify: Literal["auto", "label", "conversation", "none"] = "auto"
    """What both files have in the same proportions: labels (final answers, if few differ), or conversation
    lengths. `auto` uses labels if there are any."""


class SplitOut(WireOut):
    """The two new files, which are filled and checked in the background."""

    object: Literal["file.split"] = "file.split"
    source: str
    """The id of the file that was split."""
    training_file: FileOut
    """The new file to train on."""
    validation_file: FileOut
    """The new file to measure on."""
