"""Who may answer now: a few at once, in the order in which they asked, until a stop."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import PneumoniaError


class Turns:
    """Places for work, given in the order of asking, one file at a time.

    Whoever asks for many files stands in line again for each, so a request for 500 that
    nobody waits for any more delays the next by one file, not by 500. A semaphore would
    not do: who has just given a place back would take it again before who waits.
    """

    def __init__(self, count: int):
        self._count = self._free = count
        self._line: deque[object] = deque()
        self._changed = threading.Condition()
        self._is_over = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits for a place, and keeps it for as long as the block takes.

        Raises:
            PneumoniaError: the server stops.
        """
        ticket = object()
        with self._changed:
            self._line.append(ticket)
            self._changed.wait_for(lambda: self._is_over or self._is_next(ticket))
            self._line.remove(ticket)
            self._require_open()
            self._free -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _is_next(self, ticket: object) -> bool:
        return self._free > 0 and self._line[0] is ticket

    def _require_open(self) -> None:
        if self._is_over:
            raise PneumoniaError("The server is about to stop. Try again in a minute.")

    @contextmanager
    def unless_over(self) -> Iterator[None]:
        """A block that a stop waits for.

        Raises:
            PneumoniaError: the server stops.
        """
        with self._changed:
            self._require_open()
            yield

    def end(self, seconds: float) -> None:
        """Lets nobody begin any more, and waits for those who have begun."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._free == self._count, seconds)
