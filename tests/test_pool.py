"""Results come in order, and little is begun that nobody may listen to."""

import threading

import pytest

from pneumonia.pool import in_order


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order(workers):
    late, is_second_done = {0}, threading.Event()

    def work(item):
        if item in late and workers > 1:
            assert is_second_done.wait(10)  # so that the first is the last to be ready
        is_second_done.set()
        return item * item

    assert [*in_order(work, range(6), workers, ahead=4)] == [0, 1, 4, 9, 16, 25]


def test_one_worker_is_the_caller_and_nothing_is_ahead():
    begun = []
    results = in_order(lambda _: threading.get_ident(), map(begun.append, "abc"), 1, 9)
    assert next(results) == threading.get_ident()
    assert len(begun) == 1


def test_no_more_is_begun_than_is_listened_to():
    begun, gate = [], threading.Event()

    def work(item):
        begun.append(item)
        gate.wait(10)
        return item

    results = in_order(work, range(100), workers=2, ahead=4)
    gate.set()
    assert [next(results), next(results)] == [0, 1]
    results.close()
    assert len(begun) <= 6


@pytest.mark.parametrize("workers", [1, 2])
def test_what_work_raises_is_raised_in_its_turn(workers):
    results = in_order(lambda item: 1 // item, [1, 0, 1], workers, ahead=3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
