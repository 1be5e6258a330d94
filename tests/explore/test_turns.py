"""One computation at a time, which learns when another question waits."""

from threading import Event, Thread
from time import monotonic, sleep

from polyspike.explore.turns import Turns


def test_one_at_a_time_and_the_first_learns_that_another_waits() -> None:
    turns, started = Turns(), Event()
    order: list[str] = []

    def until_waited_for(question: object) -> dict[str, str]:
        started.set()
        end = monotonic() + 20
        while not turns.waited_for() and monotonic() < end:
            sleep(0.001)
        order.append("long" if turns.waited_for() else "never waited for")
        return {}

    def short(question: object) -> dict[str, str]:
        order.append("short")
        return {}

    assert not turns.waited_for()
    thread = Thread(target=turns.taken_by(until_waited_for), args=({},))
    thread.start()
    started.wait(20)
    assert turns.taken_by(short)({}) == {}
    thread.join()
    assert order == ["long", "short"]
    assert not turns.waited_for()


def test_a_reply_that_fails_gives_its_turn_back() -> None:
    turns = Turns()

    def broken(question: object) -> dict[str, str]:
        raise ZeroDivisionError

    for _ in range(2):
        try:
            turns.taken_by(broken)({})
        except ZeroDivisionError:
            continue
    assert turns.taken_by(lambda question: {"done": 1})({}) == {"done": 1}
