"""Who may ask, header by header."""

from email.message import Message

import pytest

from polyspike.explore.gate import TOKEN_HEADER, Gate, Refusal

GATE = Gate(8318)


def message(**changes: str | None) -> Message:
    """Headers of a good question, some of them changed or left out (None)."""
    given: dict[str, str | None] = {
        "Host": "127.0.0.1:8318",
        "Origin": "http://127.0.0.1:8318",
        "Sec-Fetch-Site": "same-origin",
        "Content-Type": "application/json",
        TOKEN_HEADER: GATE.token,
    }
    headers = Message()
    for name, value in {**given, **{key.replace("_", "-"): value for key, value in changes.items()}}.items():
        if value is not None:
            headers[name] = value
    return headers


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Host": "localhost:8318", "Origin": "http://localhost:8318"},
        {"Origin": None, "Sec_Fetch_Site": None},
        {"Content_Type": "application/json; charset=utf-8"},
    ],
)
def test_the_own_page_is_let_in(changes: dict[str, str | None]) -> None:
    GATE.check_question(message(**changes))


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"Host": "evil.example:8318"}, 403, "Host names another server"),
        ({"Host": "127.0.0.1:9999"}, 403, "Host names another server"),
        ({"Host": "127.0.0.1"}, 403, "Host names another server"),
        ({"Host": None}, 403, "Host names another server"),
        ({"Origin": "http://evil.example"}, 403, "page of another server"),
        ({"Origin": "http://127.0.0.1:9999"}, 403, "page of another server"),
        ({"Origin": "https://127.0.0.1:8318"}, 403, "page of another server"),
        ({"Origin": "null"}, 403, "page of another server"),
        ({"Sec_Fetch_Site": "cross-site"}, 403, "another site"),
        ({"Sec_Fetch_Site": "same-site"}, 403, "another site"),
        ({TOKEN_HEADER: None}, 403, "token is missing"),
        ({TOKEN_HEADER: "x" * 32}, 403, "token is missing"),
        ({TOKEN_HEADER: "ü"}, 403, "token is missing"),
        ({"Content_Type": "text/plain"}, 415, "JSON"),
        ({"Content_Type": None}, 415, "JSON"),
    ],
)
def test_everybody_else_is_kept_out(changes: dict[str, str | None], status: int, reason: str) -> None:
    with pytest.raises(Refusal, match=reason) as refused:
        GATE.check_question(message(**changes))
    assert refused.value.status == status


def test_two_hosts_are_none() -> None:
    headers = message()
    headers["Host"] = "evil.example"
    with pytest.raises(Refusal, match="Host names another server"):
        GATE.check_host(headers)


def test_every_start_has_its_own_token_which_no_repr_shows() -> None:
    assert Gate(1).token != Gate(1).token
    assert len(GATE.token) >= 32
    assert GATE.token not in repr(GATE)
