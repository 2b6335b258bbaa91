"""A TCP proxy that passes requests on and, when told to, loses the answers."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_CHUNK = 65536


class LossyProxy:
    """Forwards connections to `target_port`; `lose` closes some of them at the first byte of an answer."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._lock = threading.Lock()
        self._to_lose: Callable[[bytes], bool] = lambda _: False
        self._left = 0
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lose(self, times: int, of: Callable[[bytes], bool] = lambda _: True) -> None:
        """Lose the answers to the next `times` requests whose first bytes satisfy `of`."""
        with self._lock:
            self._left, self._to_lose = times, of

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target_port), timeout=60)
        except OSError:
            client.close()
            return
        doomed = threading.Event()
        threading.Thread(target=self._pump_requests, args=(client, server, doomed), daemon=True).start()
        with contextlib.suppress(OSError):
            while answer := server.recv(_CHUNK):
                if doomed.is_set():
                    break
                client.sendall(answer)
        _close(client, server)

    def _pump_requests(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while request := client.recv(_CHUNK):
                if self._is_chosen(request):
                    doomed.set()
                server.sendall(request)
        if not doomed.is_set():
            _close(client, server)

    def _is_chosen(self, request: bytes) -> bool:
        with self._lock:
            if self._left <= 0 or not self._to_lose(request):
                return False
            self._left -= 1
            self.lost += 1
            return True


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()


@contextmanager
def lossy_proxy(target_port: int) -> Iterator[LossyProxy]:
    """A running proxy, closed when the block ends."""
    proxy = LossyProxy(target_port)
    try:
        yield proxy
    finally:
        proxy.close()
