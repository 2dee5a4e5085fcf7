"""Work shared among threads, whose results come in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Iterator[Result]:
    """`map(work, items)` by several threads, a little ahead of who takes the results.

    Args:
        work: called in a thread of its own; what it raises is raised here, in its turn.
        items: taken in the caller's thread; what they raise ends all at once.
        workers: items at once.
        ahead: items that are begun at most before their results are taken.
    """
    jobs: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                jobs.append(pool.submit(work, item))
                if len(jobs) >= ahead:
                    yield jobs.popleft().result()
            while jobs:
                yield jobs.popleft().result()
        finally:  # who stops listening waits for what runs, not for what does not
            for job in jobs:
                job.cancel()
