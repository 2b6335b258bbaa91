"""Pass a stream on, chunk by chunk, up to the events that wait until the use is recorded."""

from aiohttp import ClientError, StreamReader

from service.errors import TunehouseError, UpstreamFailed
from service.gateway import refusals
from service.gateway.dialects.base import Malformed, ProviderComplaint, Stream
from service.gateway.metering.allowance import Allowance
from service.gateway.refusals import Words
from service.gateway.reply import Reply
from service.gateway.sse import EventTooLong, Splitter
from service.providers.bounds import INFERENCE, AnswerRefused

_MAX_WITHHELD_BYTES = 2**20  # of events after the one that completes the answer
_TEXTS_JOINED_AT = 10_000


async def pump(
    content: StreamReader, stream: Stream, reply: Reply, words: Words, allowance: Allowance
) -> bytes:
    """Read the provider's stream to its end and return the withheld last events.

    The reader is not asked for more before the caller has taken what came, so a slow caller slows the
    provider down, until the connection's timeout for unread answers cuts it off. Raises `TunehouseError` when
    the stream breaks before the answer is complete.
    """
    splitter = Splitter()
    withheld: list[bytes] = []
    try:
        async for data in content.iter_any():
            shown, failure = await _read(splitter, data, stream, withheld, words, allowance)
            if shown:
                await reply.piece(shown)
            if failure is not None:
                raise failure
            if sum(map(len, withheld)) > _MAX_WITHHELD_BYTES:
                break  # the answer is complete; a provider that never stops need not be heard out
        if not stream.is_ending:
            raise UpstreamFailed("The provider's stream ended early.", code="stream_broken")
    except (TunehouseError, ClientError, OSError, TimeoutError):
        # A complete answer stays complete, whatever follows.
        if not stream.is_ending:
            raise
    return b"".join(withheld)


async def _read(
    splitter: Splitter,
    data: bytes,
    stream: Stream,
    withheld: list[bytes],
    words: Words,
    allowance: Allowance,
) -> tuple[bytes, TunehouseError | None]:
    """Return what of these bytes can be shown, and what went wrong after it."""
    shown: list[bytes] = []
    failure: TunehouseError | None = None
    try:
        for event in splitter.feed(data):
            INFERENCE.check(event)
            known = len(stream.texts)
            ours = stream.read(event)
            (withheld if stream.is_ending else shown).append(ours)
            if allowance.is_due(sum(map(len, stream.texts[known:]))) and not stream.is_ending:
                await allowance.check(stream.texts)
        _join_texts(stream)
    except TunehouseError as excess:
        failure = excess
    except AnswerRefused as refused:
        failure = UpstreamFailed(str(refused), code="malformed_answer")
    except (Malformed, EventTooLong):
        failure = UpstreamFailed("The provider's stream cannot be read.", code="malformed_answer")
    except ProviderComplaint as complaint:
        failure = refusals.from_stream(complaint.error, words)
    return b"".join(shown), failure


def _join_texts(stream: Stream) -> None:
    """Keep what was produced as one text: a string per token would take ten times the memory."""
    if len(stream.texts) > _TEXTS_JOINED_AT:
        stream.texts[:] = ["".join(stream.texts)]
        INFERENCE.check_size(len(stream.texts[0]))
