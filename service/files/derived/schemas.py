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
    """What to remove from every text: leftover HTML, control characters."""

    html: bool = False
    control: bool = False


class Convert(WireIn):
    """How to convert a file; omitted fields change nothing.

    `format` converts chat into completion, or completion into chat. `system` is the system prompt of new
    chats; `separator` and `stop` are appended to prompts and completions. `columns` maps fields to the
    columns of a table.
    """

    format: FormatName | None = None
    columns: Annotated[dict[Marks, Marks], Field(max_length=50)] = Field(default_factory=dict)
    system: Annotated[Text, Field(max_length=20_000)] | None = None
    separator: Marks | None = None
    stop: Marks | None = None
    clean: Clean = Field(default_factory=Clean)
    filename: FileName | None = None

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
    """How to split a file: `validation_share` of the examples, chosen by `seed`.

    `stratify` keeps the distribution of labels (final answers, if few differ) or of conversation lengths the
    same in both files; `auto` uses labels if there are any.
    """

    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    stratify: Literal["auto", "label", "conversation", "none"] = "auto"


class SplitOut(WireOut):
    """The two new files, which are filled and checked in the background."""

    object: Literal["file.split"] = "file.split"
    source: str
    training_file: FileOut
    validation_file: FileOut
