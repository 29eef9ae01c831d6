"""What a log line may hold: never the words of an exception, which quote what was sent; always which request it was.

An error message such as ``invalid literal: '4111 1111 …'`` is how personal data gets into logs. So a logged exception
keeps its type and the lines of code it passed, which is what finds a fault, and loses its message.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from holdfast.serving.caller import REQUEST

log = logging.getLogger("holdfast.serving")

MOST_FRAMES = 20


def keep_discreet() -> None:
    """From now on, for all loggers of this process and for exceptions that nobody caught in its threads."""
    if getattr(logging.getLogRecordFactory(), "discreet", False):
        return
    make = logging.getLogRecordFactory()

    def discreet(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return _without_words(make(*args, **kwargs))

    discreet.discreet = True  # type: ignore[attr-defined]  # so that it is put on once only
    logging.setLogRecordFactory(discreet)
    threading.excepthook = lambda args: log.error("a thread ended", exc_info=args.exc_value)
    sys.unraisablehook = lambda args: log.error("an exception could not be raised", exc_info=args.exc_value)


def _without_words(record: logging.LogRecord) -> logging.LogRecord:
    request = REQUEST.get()
    record.bare = record.msg
    if request:
        record.request_id = request
        record.msg = f"{record.msg} (request {request})"
    if record.exc_info and record.exc_info[1] is not None:
        record.exc_text = told(record.exc_info[1])
        record.error, record.where = types(record.exc_info[1]), passed(record.exc_info[1])
        record.exc_info = None
    return record


def chain(error: BaseException) -> list[BaseException]:
    """An exception and its causes, up to ten."""
    found: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and len(found) < 10:
        found.append(step)
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return found


def types(error: BaseException) -> str:
    """Their types: ``RuntimeError < KeyError``."""
    return " < ".join(type(step).__qualname__ for step in chain(error))


def passed(error: BaseException) -> list[str]:
    """File and line of the code it passed, innermost last; where it began, the last few only."""
    frames = traceback.extract_tb(error.__traceback__)[-MOST_FRAMES:]
    return [f"{'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno}" for frame in frames]


def told(error: BaseException) -> str:
    """An exception and its causes without their messages."""
    parts = []
    for step in chain(error):
        frames = "".join(traceback.format_tb(step.__traceback__))
        parts.append(f"{frames}{type(step).__module__}.{type(step).__qualname__}")
    return "\nwhile another was handled, or because of it:\n".join(parts)
