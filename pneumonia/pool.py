"""Work shared among threads, whose results come in order."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int
) -> Iterator[Result]:
    """`map(work, items)` by several threads, a little ahead of who takes the results.

    Args:
        work: called in a thread of its own; what it raises is raised here.
        items: taken in the caller's thread.
        workers: items at once; 1: in the caller's thread, and nothing ahead.
        ahead: items that are begun at most before their results are taken.
    """
    if workers == 1:
        yield from map(work, items)
        return
    items = iter(items)
    with ThreadPoolExecutor(workers) as pool:
        jobs = deque(pool.submit(work, item) for item in itertools.islice(items, ahead))
        try:
            while jobs:
                result = jobs.popleft().result()
                jobs.extend(
                    pool.submit(work, item) for item in itertools.islice(items, 1)
                )
                yield result
        finally:  # who stops listening waits for what runs, not for what does not
            for job in jobs:
                job.cancel()
