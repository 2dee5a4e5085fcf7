"""Results come in order, and little is begun that nobody may listen to."""

import threading

import pytest

from pneumonia.predictor import in_order


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_results_come_in_order(ahead):
    is_second_done = threading.Event()

    def work(item):
        if item == 0 and ahead > 1:
            assert is_second_done.wait(10)  # so that the first is not the first ready
        is_second_done.set()
        return item * item

    results = in_order(work, range(6), workers=3, ahead=ahead)
    assert [*results] == [0, 1, 4, 9, 16, 25]


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


def test_what_work_raises_is_raised_in_its_turn():
    results = in_order(lambda item: 1 // item, [1, 0, 1], workers=2, ahead=3)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_what_items_raise_leaves_nothing_running():
    def items():
        yield from range(9)
        raise OSError("no more")

    results, begun = [], []
    with pytest.raises(OSError, match="no more"):
        for result in in_order(begun.append, items(), workers=1, ahead=4):
            results.append(result)
    assert len(results) == 6 and len(begun) <= 9
