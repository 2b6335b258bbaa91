"""The messages of a chat, as the fine-tuning API takes them, and how they are laid out for counting.

Roles and fields: OpenAI's fine-tuning guide and the request schemas of its OpenAPI description.
"""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

from service.dataset.formats import batch_texts, images
from service.dataset.formats.batch_texts import BatchTexts
from service.dataset.problems import Flaw
from service.dataset.tokens import framing

PER_MESSAGE = framing()

Filled = Annotated[str, Meta(min_length=1)]
# The wire's own rule for the name of a function or a participant, less strict about its characters.
ShortName = Annotated[str, Meta(min_length=1, max_length=64)]


class TextPart(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True, gc=False):
    """A piece of text."""

    text: Filled


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True, gc=False):
    """A refusal the assistant wrote."""

    refusal: Filled


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url", forbid_unknown_fields=True, gc=False):
    """An image, by address or inline as a data URL."""

    image_url: images.Image


class FunctionCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The function the assistant calls; `arguments` is JSON in a string."""

    name: ShortName
    arguments: str


class ToolCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One call among those the assistant makes at once."""

    id: Filled
    type: Literal["function"]
    function: FunctionCall


Texts: TypeAlias = Filled | Annotated[list[TextPart], Meta(min_length=1)]


class System(msgspec.Struct, tag_field="role", tag="system", forbid_unknown_fields=True, gc=False):
    """What the model is told before anything else."""

    KIND: ClassVar[int] = batch_texts.SYSTEM
    content: Texts
    name: ShortName | None = None


class Developer(msgspec.Struct, tag_field="role", tag="developer", forbid_unknown_fields=True, gc=False):
    """The same by the name that newer models know."""

    KIND: ClassVar[int] = batch_texts.DEVELOPER
    content: Texts
    name: ShortName | None = None


class User(msgspec.Struct, tag_field="role", tag="user", forbid_unknown_fields=True, gc=False):
    """What somebody asks, in words and images."""

    KIND: ClassVar[int] = batch_texts.USER
    content: Filled | Annotated[list[TextPart | ImagePart], Meta(min_length=1)]
    name: ShortName | None = None


class Assistant(msgspec.Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True, gc=False):
    """What the model should say; `weight` 0 keeps a message from being trained."""

    KIND: ClassVar[int] = batch_texts.ASSISTANT
    content: str | list[TextPart | RefusalPart] | None = None
    weight: Literal[0, 1] | None = None
    name: ShortName | None = None
    tool_calls: Annotated[list[ToolCall], Meta(min_length=1, max_length=128)] | None = None
    function_call: FunctionCall | None = None
    refusal: str | None = None


class Tool(msgspec.Struct, tag_field="role", tag="tool", forbid_unknown_fields=True, gc=False):
    """What a tool answered; that may be nothing."""

    KIND: ClassVar[int] = batch_texts.TOOL
    content: str | list[TextPart]
    tool_call_id: Filled
    name: ShortName | None = None


class Function(msgspec.Struct, tag_field="role", tag="function", forbid_unknown_fields=True, gc=False):
    """What a function answered, in the way before tools."""

    KIND: ClassVar[int] = batch_texts.FUNCTION
    content: str | None
    name: ShortName


Message: TypeAlias = System | Developer | User | Assistant | Tool | Function


def lay_out_message(
    message: Any, path: str, laid: BatchTexts, *, trained: bool = True
) -> tuple[int, int, list[Flaw]]:
    """Put any message on the batch: its framing tokens, its image tokens, its flaws."""
    if isinstance(message, Assistant):
        learnt = trained and message.weight != 0
        kind = batch_texts.ASSISTANT_TRAINED if learnt else batch_texts.ASSISTANT
        return lay_out_assistant(message, path, laid, kind)
    marks = framing(has_name=message.name is not None)
    if message.name is not None:
        laid.put(message.name, message.KIND)
    content = message.content
    if isinstance(content, str):
        laid.put(content, message.KIND)
        return marks, 0, []
    image_tokens = 0
    flaws: list[Flaw] = []
    for number, part in enumerate(content or ()):
        if isinstance(part, TextPart):
            laid.put(part.text, message.KIND)
        else:
            image_tokens += images.tokens_of(part.image_url)
            flaws += images.flaws_of(part.image_url, f"{path}.content[{number}].image_url")
    return marks, image_tokens, flaws


def lay_out_assistant(
    message: Assistant, path: str, laid: BatchTexts, kind: int
) -> tuple[int, int, list[Flaw]]:
    """Put one assistant message on the batch: its framing tokens, 0 image tokens, its flaws.

    A tool call counts as its name, its arguments and the 3 marks of a message; all of it is of the `kind`
    of the message that makes it.
    """
    texts = _spoken(message)
    if message.name is not None:
        laid.put(message.name, batch_texts.ASSISTANT)
    calls = [call.function for call in message.tool_calls or ()]
    if message.function_call is not None:
        calls.append(message.function_call)
    for call in calls:
        texts += (call.name, call.arguments)
    for text in texts:
        laid.put(text, kind)
    marks = framing(has_name=message.name is not None, calls=len(calls))
    if any(texts):
        return marks, 0, []
    empty = "is empty; an assistant message must have text or call a tool"
    return marks, 0, [Flaw(f"{path}.content", "empty_content", empty)]


def _spoken(message: Assistant) -> list[str]:
    said = [message.refusal] if message.refusal else []
    if isinstance(message.content, str):
        return [*said, message.content]
    return said + [
        part.text if isinstance(part, TextPart) else part.refusal for part in message.content or ()
    ]


def images_in(message: Any) -> int:
    """How many images a message holds."""
    if not isinstance(message, User) or isinstance(message.content, str):
        return 0
    return sum(isinstance(part, ImagePart) for part in message.content)
