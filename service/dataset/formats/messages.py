"""The messages of a chat as the fine-tuning API accepts them, and the texts to count in them.

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
# The API's rule for names of functions and participants, which allows more characters than for tools.
ShortName = Annotated[str, Meta(min_length=1, max_length=64)]


class TextPart(msgspec.Struct, tag_field="type", tag="text", forbid_unknown_fields=True, gc=False):
    """A piece of text."""

    text: Filled


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal", forbid_unknown_fields=True, gc=False):
    """A refusal the assistant wrote."""

    refusal: Filled


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url", forbid_unknown_fields=True, gc=False):
    """An image, by URL or inline as a data URL."""

    image_url: images.Image


class FunctionCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The function the assistant calls; `arguments` is JSON in a string."""

    name: ShortName
    arguments: str


class ToolCall(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One of the assistant's parallel calls."""

    id: Filled
    type: Literal["function"]
    function: FunctionCall


Texts: TypeAlias = Filled | Annotated[list[TextPart], Meta(min_length=1)]


class System(msgspec.Struct, tag_field="role", tag="system", forbid_unknown_fields=True, gc=False):
    """A system message."""

    KIND: ClassVar[int] = batch_texts.SYSTEM
    content: Texts
    name: ShortName | None = None


class Developer(msgspec.Struct, tag_field="role", tag="developer", forbid_unknown_fields=True, gc=False):
    """A system message under newer models' name."""

    KIND: ClassVar[int] = batch_texts.DEVELOPER
    content: Texts
    name: ShortName | None = None


class User(msgspec.Struct, tag_field="role", tag="user", forbid_unknown_fields=True, gc=False):
    """A user's message, with text and images."""

    KIND: ClassVar[int] = batch_texts.USER
    content: Filled | Annotated[list[TextPart | ImagePart], Meta(min_length=1)]
    name: ShortName | None = None


class Assistant(msgspec.Struct, tag_field="role", tag="assistant", forbid_unknown_fields=True, gc=False):
    """An assistant's message; with `weight` 0 it is not trained."""

    KIND: ClassVar[int] = batch_texts.ASSISTANT
    content: str | list[TextPart | RefusalPart] | None = None
    weight: Literal[0, 1] | None = None
    name: ShortName | None = None
    tool_calls: Annotated[list[ToolCall], Meta(min_length=1, max_length=128)] | None = None
    function_call: FunctionCall | None = None
    refusal: str | None = None


class Tool(msgspec.Struct, tag_field="role", tag="tool", forbid_unknown_fields=True, gc=False):
    """A tool's answer, which may be empty."""

    KIND: ClassVar[int] = batch_texts.TOOL
    content: str | list[TextPart]
    tool_call_id: Filled
    name: ShortName | None = None


class Function(msgspec.Struct, tag_field="role", tag="function", forbid_unknown_fields=True, gc=False):
    """A function's answer, in the API's deprecated form."""

    KIND: ClassVar[int] = batch_texts.FUNCTION
    content: str | None
    name: ShortName


Message: TypeAlias = System | Developer | User | Assistant | Tool | Function


def lay_out_message(
    message: Any, path: str, laid: BatchTexts, *, trained: bool = True
) -> tuple[int, int, list[Flaw]]:
    """Add any message to the batch; return its framing tokens, its image tokens and its flaws."""
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
    """Add an assistant message to the batch; return its framing tokens, 0 image tokens and its flaws.

    A tool call counts as its name, its arguments and 3 framing tokens, all of its message's `kind`.
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
    """Return the number of images in a message."""
    if not isinstance(message, User) or isinstance(message.content, str):
        return 0
    return sum(isinstance(part, ImagePart) for part in message.content)
