"""``polyspike explore``: it starts, says where, serves, and stops at Ctrl-C."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import pytest

from cli.command import refusal
from cli.process import environment

# Ctrl-C is ignored where the tests run in the background, and what is ignored is inherited.
HEARING = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "


@contextmanager
def started(*arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """The command in a process of its own, which does not outlive the test."""
    argv = ["polyspike", "explore", "--no-browser", "--port", "0", *arguments]
    code = HEARING + f"sys.argv = {argv!r}; from polyspike.cli import main; main()"
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code], env=environment(), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def test_it_serves_until_ctrl_c() -> None:
    with started() as process:
        assert process.stdout is not None
        start = monotonic()
        line = process.stdout.readline()
        print(f"{monotonic() - start:.2f} s to the address")
        address = line.split()[-1]
        assert line == f"the explorer is at {address}\n"
        assert process.stdout.readline() == "Ctrl-C stops it\n"
        with urllib.request.urlopen(address, timeout=20) as page:
            assert b"polyspike explorer" in page.read()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (0, "", "stopped\n")


def test_the_address_for_machines() -> None:
    with started("--json") as process:
        assert process.stdout is not None
        text = "".join(process.stdout.readline() for _ in range(3))
        assert json.loads(text)["address"].startswith("http://127.0.0.1:")
        os.kill(process.pid, signal.SIGINT)
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.parametrize("port", ["-1", "65536"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    code, message = refusal("explore", "--no-browser", "--port", port)
    assert code == 2
    assert "--port" in message
