"""Fair turns: the teams share the process, and no team can occupy all of it."""

import asyncio
from asyncio import Future
from collections import Counter, deque


class Turns:
    """Runs `at_once` requests at a time; the next to run belongs to the team with the fewest running.

    A team may run at most `at_once` divided by one more than the number of active teams. So a team that
    arrives next gets a turn immediately, without waiting for slow requests of the others.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._running: Counter[str] = Counter()
        self._waiting: dict[str, deque[Future[None]]] = {}

    async def take(self, team: str) -> None:
        """Wait for a turn of `team`; the caller must `give_back` it."""
        if team not in self._waiting and self._has_room(team):
            self._running[team] += 1
            return
        turn: Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(team, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(team)
            raise

    def give_back(self, team: str) -> None:
        """End a turn, and start the requests that have room now."""
        self._running[team] -= 1
        if not self._running[team]:
            del self._running[team]
        while (following := self._following()) is not None:
            queue = self._waiting.pop(following)
            turn = queue.popleft()
            if queue:
                self._waiting[following] = queue  # behind the other teams
            if not turn.cancelled():
                self._running[following] += 1
                turn.set_result(None)

    def _following(self) -> str | None:
        able = [team for team in self._waiting if self._has_room(team)]
        return min(able, key=self._running.__getitem__, default=None)

    def _has_room(self, team: str) -> bool:
        if self._running.total() >= self._at_once:
            return False
        teams = len(self._running.keys() | self._waiting.keys() | {team})
        return self._running[team] < max(1, self._at_once // (teams + 1))
