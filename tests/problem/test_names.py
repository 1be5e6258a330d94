"""Advice on a name that is not known."""

from polyspike.problem.names import closest_names


def test_the_nearest_name_is_guessed_and_all_are_listed() -> None:
    assert closest_names("relo", ("tanh", "relu")) == "did you mean 'relu'? known: tanh, relu"
    assert closest_names("zzz", ("tanh", "relu")) == "known: tanh, relu"
