"""Questions of one's own as messages: a system prompt, several turns, any other columns."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import UserError
from pipeline.records import Question, read_jsonl


@dataclass(frozen=True)
class Conversation(Question):
    """A question that is asked as `messages` through the chat template, without a suffix of ours.

    `row` is what its file says of it, for reward functions; `question` is its last user message.
    """

    messages: tuple[dict[str, str], ...] = ()
    row: dict[str, Any] = field(default_factory=dict)


def read_conversations(path: Path) -> list[Conversation]:
    """Rows with `messages` (role and content each), and `id` and `answer` where there are any.

    Raises UserError that names the line.
    """
    found, lines = [], {}
    for number, row in enumerate(read_jsonl(path), 1):
        messages = row.get("messages")
        if not _are_messages(messages):
            raise UserError(
                f"{path}:{number}: `messages` must be a list of {{role, content}}, the last of the user"
            )
        name, answer = str(row.get("id", number)), row.get("answer")
        if lines.setdefault(name, number) != number:
            raise UserError(f"{path}:{number}: the id {name!r} is that of line {lines[name]} too")
        answer = "" if answer is None else str(answer)
        last = messages[-1]["content"]
        found.append(Conversation(name, last, answer, messages=tuple(messages), row=row))
    if not found:
        raise UserError(f"{path}: no rows")
    return found


def _are_messages(messages: Any) -> bool:
    return (
        isinstance(messages, list)
        and bool(messages)
        and all(
            isinstance(m, dict)
            and isinstance(m.get("role"), str)
            and isinstance(m.get("content"), str)
            for m in messages
        )
        and messages[-1]["role"] == "user"
    )
