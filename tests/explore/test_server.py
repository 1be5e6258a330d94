"""The server answers its own page, refuses everybody else, and survives whatever it is sent."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest

from explore.serving import PROBLEM, ask, headers, send, serving
from polyspike import ArgumentError
from polyspike.explore import Explorer, server
from polyspike.explore.gate import TOKEN_HEADER

STATIC = Path(server.__file__).parent / "static"
QUESTION = {"problem": PROBLEM, "changes": [{}]}


@pytest.fixture(scope="module")
def explorer() -> Iterator[Explorer]:
    with serving() as found:
        yield found


def alive(explorer: Explorer) -> bool:
    return ask(explorer, "predictions", QUESTION)[0] == 200


def exchange(explorer: Explorer, sent: bytes) -> bytes:
    """What comes back to raw bytes until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", explorer.server_port), timeout=20) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        parts = iter(lambda: connection.recv(65536), b"")
        return b"".join(parts)


def test_the_page_and_all_its_parts_are_served(explorer: Explorer) -> None:
    status, found, content = send(explorer, "GET", "/")
    assert (status, found["Content-Type"]) == (200, "text/html; charset=utf-8")
    for file in STATIC.iterdir():
        if file.suffix in (".js", ".css", ".svg"):
            assert send(explorer, "GET", f"/{file.name}")[2] == file.read_bytes()
            if file.name in content.decode():
                continue
            raise AssertionError(f"{file.name} is no part of the page")


def test_a_page_of_any_other_site_can_neither_frame_nor_read_it(explorer: Explorer) -> None:
    _, found, _ = send(explorer, "GET", "/")
    policy = found["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert found["X-Content-Type-Options"] == "nosniff"
    assert found["Cross-Origin-Resource-Policy"] == "same-origin"
    assert not [name for name in found if name.lower().startswith("access-control")]


def test_it_listens_on_this_machine_only(explorer: Explorer) -> None:
    assert explorer.server_address[0] == "127.0.0.1"
    assert explorer.address == f"http://127.0.0.1:{explorer.server_port}/#token={explorer.gate.token}"


@pytest.mark.parametrize(
    "changes",
    [
        {"Host": "evil.example"},
        {"Origin": "http://evil.example"},
        {"Sec_Fetch_Site": "cross-site"},
        {TOKEN_HEADER: "no"},
        {"Content_Type": "text/plain"},
    ],
)
def test_a_question_of_another_origin_is_refused(explorer: Explorer, changes: dict[str, str]) -> None:
    body = json.dumps(QUESTION).encode()
    status, found, content = send(explorer, "POST", "/api/predictions", body, headers(explorer, **changes))
    assert status in (403, 415)
    assert b"points" not in content
    assert not [name for name in found if name.lower().startswith("access-control")]
    assert alive(explorer)


def test_a_foreign_name_does_not_get_the_page(explorer: Explorer) -> None:
    assert send(explorer, "GET", "/", given={"Host": "evil.example"})[0] == 403


def test_a_preflight_is_not_answered(explorer: Explorer) -> None:
    status, found, _ = send(explorer, "OPTIONS", "/api/predictions", given={"Origin": "http://evil.example"})
    assert status == 501
    assert not [name for name in found if name.lower().startswith("access-control")]


@pytest.mark.parametrize(
    "path", ["/nothing", "/../server.py", "/%2e%2e/server.py", "//etc/passwd", "/static/index.html", "/api/predictions"]
)
def test_unknown_paths_are_not_found(explorer: Explorer, path: str) -> None:
    assert send(explorer, "GET", path)[0] == 404
    assert send(explorer, "POST", f"{path}x", b"{}", headers(explorer))[0] == 404


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"nonsense", b"\xff\xfe", b"[" * 60_000, b'{"problem": NaN}', b"9" * 50_000, b'{"a":' * 5000],
)
def test_malformed_questions_are_answered(explorer: Explorer, body: bytes) -> None:
    status, answer = ask(explorer, "predictions", body)
    assert (status, list(answer)) == (400, ["message"])
    assert alive(explorer)


def test_bad_values_come_with_their_argument(explorer: Explorer) -> None:
    status, answer = ask(explorer, "predictions", {"problem": {**PROBLEM, "ridge": -1}, "changes": [{}]})
    assert status == 200
    refused = {"argument": "ridge", "message": "give a number >= 0", "whole": "ridge = -1: give a number >= 0"}
    assert answer == {"refused": refused}


@pytest.mark.parametrize("length", ["", "x", "-1", "1" * 30, "²"])
def test_a_question_without_a_length_is_refused(explorer: Explorer, length: str) -> None:
    lines = [f"POST /api/predictions HTTP/1.1\r\nHost: 127.0.0.1:{explorer.server_port}"]
    lines += [f"{name}: {value}" for name, value in headers(explorer, Content_Length=length).items()]
    assert b" 411 " in exchange(explorer, ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))


def test_a_question_that_is_too_long_is_refused_unread(explorer: Explorer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", explorer.server_port, timeout=20)
    connection.putrequest("POST", "/api/predictions")
    for name, value in headers(explorer, Content_Length="900000000").items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Connection")) == (413, "close")
    connection.close()
    assert alive(explorer)


def test_a_question_that_ends_early_is_refused(explorer: Explorer) -> None:
    lines = [f"POST /api/predictions HTTP/1.1\r\nHost: 127.0.0.1:{explorer.server_port}"]
    lines += [f"{name}: {value}" for name, value in headers(explorer, Content_Length="100").items()]
    assert b" 400 " in exchange(explorer, ("\r\n".join(lines) + "\r\n\r\n{").encode())


def test_a_question_that_does_not_come_is_not_waited_for(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_SECONDS_TO_ASK", 0.3)
    connection = http.client.HTTPConnection("127.0.0.1", explorer.server_port, timeout=20)
    connection.putrequest("POST", "/api/predictions")
    for name, value in headers(explorer, Content_Length="100").items():
        connection.putheader(name, value)
    connection.endheaders()
    start = monotonic()
    connection.send(b"{")
    assert connection.getresponse().status == 408
    assert monotonic() - start < 10
    connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a TLS greeting
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n" * 50,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        bytes(range(256)) * 20,
    ],
)
def test_garbage_is_survived(explorer: Explorer, sent: bytes) -> None:
    assert b" 200 " not in exchange(explorer, sent)
    assert alive(explorer)


def test_many_idle_connections_do_not_stop_it(explorer: Explorer) -> None:
    """Those beyond its number are dropped, and when they go it answers again."""
    idle = [socket.create_connection(("127.0.0.1", explorer.server_port), timeout=20) for _ in range(80)]
    for connection in idle:
        connection.close()
    end = monotonic() + 20
    while monotonic() < end:
        try:
            assert alive(explorer)
            return
        except (ConnectionError, http.client.HTTPException):
            sleep(0.05)
    raise AssertionError("the server does not answer any more")


def test_a_connection_serves_many_questions(explorer: Explorer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", explorer.server_port, timeout=20)
    for _ in range(3):
        connection.request("POST", "/api/limits", json.dumps({"problem": PROBLEM}), headers(explorer))
        answer = connection.getresponse()
        assert (answer.status, bool(answer.read())) == (200, True)
        port = connection.sock.getsockname()
    assert connection.sock.getsockname() == port
    connection.close()


def test_an_error_of_the_library_is_told_and_survived(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    def broken(question: Any) -> Any:
        raise ZeroDivisionError("a defect")

    monkeypatch.setitem(explorer.answers, "limits", broken)
    status, answer = ask(explorer, "limits", {"problem": PROBLEM})
    assert (status, answer["message"]) == (500, "an error of polyspike; the terminal shows it")
    assert "a defect" in caplog.text
    monkeypatch.undo()
    assert alive(explorer)


def test_a_port_that_is_taken_is_refused_or_replaced(explorer: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match=r"port = \d+: cannot be had"):
        Explorer(explorer.server_port)
    with pytest.raises(ArgumentError, match="port = 70000: cannot be had"):
        Explorer(70_000)
    monkeypatch.setattr(server, "DEFAULT_PORT", explorer.server_port)
    with Explorer() as other:
        assert other.server_port != explorer.server_port
