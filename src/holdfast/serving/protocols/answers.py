"""A route of a foreign protocol: body limit, and every fault in that protocol's own shape."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import Request, Response

from holdfast.errors import Problem
from holdfast.serving import replies
from holdfast.serving.decide import Refuse
from holdfast.serving.durable import Unavailable
from holdfast.serving.wire import Gone, TooLarge, read_body

Handler = Callable[[Request, bytes], Awaitable[Response]]
"""Answers a request with its body. Raises Refuse, Unavailable."""

Shape = Callable[[int, str, Sequence[Problem]], Response]
"""A fault as its protocol says it: our status, one text with everything, the problems."""

_LISTED = 20
_RETRY_AFTER = "1"


def json(status: int, shape: object) -> Response:
    return Response(replies.encode(shape), status, media_type="application/json")


def said(message: str, problems: Sequence[Problem]) -> str:
    """Message and problems as one text, for shapes that have room for no more."""
    told = [str(problem) for problem in problems[:_LISTED]]
    if len(problems) > _LISTED:
        told.append(f"and {len(problems) - _LISTED} more")
    if len(problems) == 1 and problems[0].what == message:
        return told[0]
    return f"{message}: " + "; ".join(told) if told else message


def guarded(most: int, handler: Handler, shape: Shape) -> Callable[[Request], Awaitable[Response]]:
    """The handler behind a body limit; what it raises becomes the protocol's own fault."""

    async def route(request: Request) -> Response:
        try:
            reply = await handler(request, await read_body(request.receive, most))
        except Gone:
            return Response(status_code=499)
        except TooLarge:
            what = f"the body is larger than {most} bytes"
            reply = shape(413, what, [Problem("", "too_large", what, "send it in parts")])
        except Refuse as refused:
            reply = shape(refused.status, refused.message, refused.problems)
        except Unavailable as error:
            what = str(error)
            reply = shape(503, what, [Problem("", "unavailable", what, "send the same request again in a second")])
            reply.headers["retry-after"] = _RETRY_AFTER
        return reply

    return route
