"""The log: one JSON object a line, or plain text on a terminal, of fields from a list and no others.

A record's text is written only where we wrote it (loggers `holdfast.…`, whose messages hold nothing a client sent); of
other libraries' records the template is, without what was put into it. An exception is its type and the lines it
passed: its message may quote a request.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.serving.discreet import keep_discreet, passed, types

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("auto", "json", "text")
FIELDS = {
    "time": "when, UTC, ISO 8601",
    "level": "debug, info, warning, error or critical",
    "event": "what happened, in one word: request, refusals, serving, draining, ended, promoted, fault, …",
    "what": "the same as a sentence; of another library's record the template only",
    "logger": "which part said so",
    "process": "process id",
    "request_id": "of the request it happened in; the reply has it as `x-request-id`",
    "method": "GET, POST, …",
    "route": "as it was declared, never the path as it came",
    "status": "HTTP status",
    "duration_ms": "of the whole request",
    "caller": "name of the API key; of a token, a digest of its subject",
    "version": "model version",
    "variant": "variant of an experiment, or champion",
    "decision": "true or false, of a request for one decision",
    "problems": "codes of what was wrong, in a summary with how often",
    "turned_away": "in a summary: why requests and connections were turned away, and how often",
    "error": "type of an exception, then of its causes",
    "where": "file and line of the code it passed, innermost last",
}
"""Every field there is. A record can hold more; it is not written."""
OURS = "holdfast"
VARIABLES = {"level": "HOLDFAST_LOG_LEVEL", "format": "HOLDFAST_LOG_FORMAT", "file": "HOLDFAST_LOG_FILE"}


@dataclass(frozen=True, slots=True)
class Logs:
    """From which level on, in which form, and into which file (empty: stderr)."""

    level: str = "info"
    format: str = "auto"
    file: str = ""

    def __post_init__(self) -> None:
        for name, value, known in (("level", self.level, LEVELS), ("format", self.format, FORMATS)):
            if value not in known:
                what = f"{value!r} is no {name} of a log"
                raise HoldfastError(what, where=f"log.{name}", mend="one of: " + ", ".join(known))


def begin(logs: Logs) -> None:
    """From now on all of this process's logging goes there, and that of the processes it starts."""
    keep_discreet()
    try:
        handler: logging.Handler = WatchedFileHandler(logs.file) if logs.file else logging.StreamHandler()
    except OSError as error:
        raise HoldfastError(
            f"the log cannot be written: {error.strerror}", where=logs.file, mend="choose another log.file"
        ) from error
    plain = logs.format == "text" or (logs.format == "auto" and not logs.file and sys.stderr.isatty())
    handler.setFormatter(Plain() if plain else Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Others speak about their own affairs; we are told when something is wrong.
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(logs.level.upper())
    for name, variable in VARIABLES.items():
        os.environ[variable] = getattr(logs, name)


def begin_as_told() -> None:
    """As the process that started this one does; for processes beside a server."""
    begin(Logs(**{name: os.environ[variable] for name, variable in VARIABLES.items() if variable in os.environ}))


def shape(record: logging.LogRecord) -> dict[str, Any]:
    """A record as the log has it: fields of the list only, empty ones left out."""
    error: BaseException | None = record.exc_info[1] if record.exc_info else None
    found: dict[str, Any] = {
        "time": _stamp(record.created),
        "level": record.levelname.lower(),
        "event": "fault" if error is not None or "error" in record.__dict__ else "note",
        "what": _what(record),
        "logger": record.name,
        "process": record.process,
    }
    for name in FIELDS:
        if name in record.__dict__:
            found[name] = record.__dict__[name]
    if error is not None:  # nobody has made it discreet before
        found |= {"error": types(error), "where": passed(error)}
    if "caller" in found:
        found["caller"] = _caller(str(found["caller"]))
    return {name: value for name in FIELDS if (value := found.get(name)) not in ("", None, [], {})}


class Lines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(shape(record), ensure_ascii=False, separators=(",", ":"), default=lambda _: None)


class Plain(logging.Formatter):
    """For people: the same fields, the sentence first."""

    def format(self, record: logging.LogRecord) -> str:
        told = shape(record)
        head = f"{told.pop('time')} {told.pop('level').upper()} {told.pop('what', told.get('event'))}"
        told = {name: value for name, value in told.items() if name not in ("event", "logger", "process")}
        where = told.pop("where", [])
        rest = " ".join(f"{name}={value}" for name, value in told.items())
        return "\n  ".join([f"{head} ({rest})" if rest else head, *where])


def _what(record: logging.LogRecord) -> str:
    text = getattr(record, "bare", record.msg)
    if not isinstance(text, str):
        return ""
    if record.name.partition(".")[0] == OURS:
        return text % record.args if record.args else text
    # With something to put in, it is a constant of that library's; else it may be put together already.
    return text if record.args else ""


def _caller(name: str) -> str:
    """A token's subject may be a person's address; a digest still tells one from another."""
    scheme, _, subject = name.partition(":")
    return f"{scheme}:{sha256(subject.encode()).hexdigest()[:12]}" if subject else name


def _stamp(seconds: float) -> str:
    milliseconds = int(seconds * 1_000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(milliseconds // 1_000))
    return f"{whole}.{milliseconds % 1_000:03d}Z"


def place(folder: Path, file: str) -> str:
    """A log's file, seen from a project's folder."""
    return str(folder / Path(file).expanduser()) if file else ""
