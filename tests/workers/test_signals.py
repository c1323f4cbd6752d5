"""Signals end a run between two steps, or while it waits for the next, whatever lies beneath makes of them."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from rcnn.errors import Stopped
from rcnn.workers.signals import stopped_at_once, until_stopped

each_signal = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@each_signal
def test_what_is_begun_is_finished(number):
    done = []
    with pytest.raises(Stopped) as caught:
        for item in until_stopped(range(5)):
            if item == 2:
                os.kill(os.getpid(), number)
            done.append(item)
    assert done == [0, 1, 2]
    assert caught.value.signal == number


@each_signal
def test_waiting_for_the_next_ends_at_once(number):
    def items():
        yield 0
        os.kill(os.getpid(), number)
        pytest.fail("went on")

    with pytest.raises(Stopped):
        list(until_stopped(items()))


@each_signal
def test_an_error_that_the_signal_was_turned_into_is_still_the_signal(number):
    """pyarrow imports pandas when it is first asked for an array; stopped there, it raised AttributeError."""

    def items():
        yield 0
        try:
            os.kill(os.getpid(), number)
        except BaseException:
            raise AttributeError("partially initialized module") from None

    with pytest.raises(Stopped):
        list(until_stopped(items()))


def test_other_errors_stay_what_they_are():
    def items():
        yield 0
        raise AttributeError("mine")

    with pytest.raises(AttributeError, match="mine"):
        list(until_stopped(items()))


@each_signal
def test_handlers_are_put_back(number):
    before = signal.getsignal(number)
    assert list(until_stopped(range(3))) == [0, 1, 2]
    with pytest.raises(Stopped), stopped_at_once():
        os.kill(os.getpid(), number)
    assert signal.getsignal(number) == before


def test_other_threads_leave_signals_alone():
    found = []
    thread = threading.Thread(target=lambda: found.extend(until_stopped(range(3))))
    thread.start()
    thread.join()
    assert found == [0, 1, 2]
