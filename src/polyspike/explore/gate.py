"""Who may ask: the page that the explorer itself has sent, and no other page of the same browser.

Any page that a browser shows can send requests to this machine. Three things keep them out. The header Host must name
this server, so that a foreign name that was made to point here (DNS rebinding) is refused. Origin, which a browser adds
to everything that a page posts, must be this server's own. And every question carries a token, made anew at every
start, in a header of its own, which only someone who was given the address that the command printed can know.
"""

from dataclasses import dataclass, field
from email.message import Message
from hmac import compare_digest
from secrets import token_urlsafe

__all__ = ["TOKEN_HEADER", "Gate", "Refusal"]

TOKEN_HEADER = "X-Polyspike-Token"


class Refusal(Exception):
    """A request that gets no answer, with the HTTP status that says why.

    Parameters
    ----------
    status : int
    reason : str
    """

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True)
class Gate:
    """Checks the headers of requests to a server on this machine.

    Attributes
    ----------
    port : int
        Of the server.
    token : str
        What questions must carry.
    """

    port: int
    token: str = field(default_factory=lambda: token_urlsafe(24), repr=False)

    @property
    def hosts(self) -> tuple[str, str]:
        """The names by which a browser on this machine reaches the server."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def check_host(self, headers: Message) -> None:
        """Refuse a request that was sent to another name than this server's.

        Raises
        ------
        Refusal
            403.
        """
        given = headers.get_all("Host", [])
        if len(given) != 1 or given[0].strip().lower() not in self.hosts:
            raise Refusal(403, "the header Host names another server")

    def check_question(self, headers: Message) -> None:
        """Refuse a question that is not from the page of this server.

        Raises
        ------
        Refusal
            403; 415 for what is not JSON.
        """
        self.check_host(headers)
        origins = {f"http://{host}" for host in self.hosts}
        if any(origin.strip().lower() not in origins for origin in headers.get_all("Origin", [])):
            raise Refusal(403, "the question comes from the page of another server")
        if headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Refusal(403, "the question comes from another site")
        if not compare_digest(headers.get(TOKEN_HEADER, "").encode(), self.token.encode()):
            raise Refusal(403, "the token is missing or of an earlier start; open the address that the command printed")
        if headers.get_content_type() != "application/json":
            raise Refusal(415, "questions are JSON")
