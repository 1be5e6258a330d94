"""What comes of a question: an answer, what the library refuses in its own words, or a status that says why not."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from polyspike.errors import ArgumentError, PolyspikeError
from polyspike.explore.gate import Refusal

__all__ = ["outcome"]

log = logging.getLogger(__name__)


def outcome(reply: Callable[[Any], dict[str, Any]], question: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """The HTTP status and the answer of a reply to a question.

    What the library refuses is an answer, too: ``refused``, of ``argument``, ``message`` and ``whole``.
    """
    try:
        return 200, reply(question)
    except Refusal as refusal:
        return refusal.status, {"message": refusal.reason}
    except ArgumentError as error:
        return 200, {"refused": {"argument": error.argument, "message": error.remedy, "whole": str(error)}}
    except PolyspikeError as error:
        return 200, {"refused": {"argument": "", "message": str(error), "whole": str(error)}}
    except (MemoryError, ArithmeticError, ValueError, TypeError):
        log.exception("a question could not be answered: %.500r", question)
        return 500, {"message": "an error of polyspike; the terminal shows it"}
