"""Lines in, lines out; the end of the source is the end of the process."""

import json
import subprocess
import sys

from cli.process import environment
from explore.serving import PROBLEM
from polyspike.explore import helper, replies

QUESTION = {"problem": PROBLEM, "changes": [{"step_exponent": 0.2}]}


def test_each_line_has_its_answer() -> None:
    lines = [json.dumps(["predictions", question]) for question in (QUESTION, {"problem": PROBLEM}, QUESTION)]
    first, refused, last = [json.loads(line) for line in helper.answers(lines)]
    assert first == last == [200, replies.predictions(QUESTION)]
    assert refused[0] == 400


def test_it_ends_with_its_source() -> None:
    command = [sys.executable, "-m", "polyspike.explore.helper", "--patient"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        process.stdin.write(json.dumps(["predictions", QUESTION]) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())[0] == 200
        process.stdin.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""


def test_it_ends_without_a_word_when_nobody_reads() -> None:
    """The explorer was killed while an answer was computed."""
    command = [sys.executable, "-m", "polyspike.explore.helper"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), text=True, **pipes) as process:  # type: ignore[call-overload]
        process.stdout.close()
        process.stdin.write(json.dumps(["predictions", QUESTION]) + "\n")
        process.stdin.flush()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == ""
