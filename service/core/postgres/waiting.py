"""Wait for the socket of a database connection within the event loop."""

import asyncio
from collections.abc import Generator
from typing import TypeVar

from psycopg.waiting import Ready, Wait

Result = TypeVar("Result")


class Socket:
    """Runs psycopg's generators, which yield what they wait for. Only one may run at a time.

    The socket stays registered with the event loop. `AsyncConnection.wait` registers it for each wait and
    removes it again, which for the two statements of a lone inference request takes 16 of 65 system calls.
    """

    def __init__(self, fd: int) -> None:
        """`fd` is the connection's file descriptor, which libpq stops naming once the connection breaks."""
        self._fd = fd
        self._is_registered = False
        self._ready: asyncio.Future[None] | None = None

    async def wait(self, steps: Generator[Wait, Ready, Result]) -> Result:
        """Run a generator to its end and return its result."""
        try:
            wanted = next(steps)
            while True:
                await self._until(wanted)
                wanted = steps.send(Ready.RW)
        except StopIteration as end:
            result: Result = end.value
            return result

    def close(self) -> None:
        """Remove the socket from the event loop; call this before the connection is closed."""
        if self._is_registered:
            self._is_registered = False
            asyncio.get_running_loop().remove_reader(self._fd)

    async def _until(self, wanted: Wait) -> None:
        loop = asyncio.get_running_loop()
        self._ready = loop.create_future()
        if not self._is_registered:
            self._is_registered = True
            loop.add_reader(self._fd, self._wake)
        if wanted & Wait.W:
            loop.add_writer(self._fd, self._wake)
        try:
            await self._ready
        finally:
            self._ready = None
            if wanted & Wait.W:
                loop.remove_writer(self._fd)

    def _wake(self) -> None:
        if self._ready is None:
            self.close()  # the server has closed the connection; nobody reads that before the next statement
        elif not self._ready.done():
            self._ready.set_result(None)
