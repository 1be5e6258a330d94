"""Preparations are told before they start, on the way, and at their end."""

from polyspike.experiments.announce import announced


def test_the_first_every_thousandth_and_the_last_are_told() -> None:
    told: list[tuple[str, int, int]] = []
    items = list(announced(range(2500), "keys", 2500, lambda *words: told.append(words)))
    assert items == list(range(2500))
    assert told == [("keys", 0, 2500), ("keys", 1000, 2500), ("keys", 2000, 2500), ("keys", 2500, 2500)]


def test_nobody_need_listen() -> None:
    assert list(announced("ab", "letters", 2, None)) == ["a", "b"]
