"""What a `ChatServer` is asked, read from the prompt as a model would read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from rerank_kit.managed.served_formats import Refused

_DOCUMENT = re.compile(r"<document>\n(.*)\n</document>\n", re.DOTALL)
_FIRST_CHUNK = re.compile(r"<chunk(?: (\w+))?>\n")
_CHUNK = re.compile(r"<chunk>\n(.*)\n</chunk>", re.DOTALL)
_LABELLED = re.compile(r"<chunk (\w+)>\n(.*?)\n</chunk \1>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Question:
    """A judge's question, or the wish for one, as a model would read it.

    Attributes:
        system: The system prompt.
        query: The query; empty where one is wished for.
        documents: The texts, by their labels, in the order in which they are shown; one without a label where a
            question about it is wished for.
        mode: What the answer is to be: `"verdict"`, `"grades"`, `"ranking"` or `"question"`.
    """

    system: str
    query: str
    documents: Mapping[str, str]
    mode: str

    @classmethod
    def of(cls, system: str, turn: str) -> Question:
        """Read a question by its code alone.

        Raises:
            Refused: It is not built as it should be.
        """
        code = re.match(r"Code: (\w+)\n", turn)
        if '"question"' in system and code is not None:
            return cls(system, "", {"": _only_document(code[1], turn)}, "question")
        tags = [] if code is None else re.findall(rf"</?(?:query|document) {code[1]}\b[^>]*>", turn)
        query = None if code is None else re.search(rf"<query {code[1]}>\n(.*?)\n</query {code[1]}>", turn, re.DOTALL)
        if code is None or query is None:
            raise Refused(400, "the first line has no code, or no query follows")
        found = re.findall(rf"<document {code[1]} (\w+)>\n(.*?)\n</document {code[1]} \1>", turn, re.DOTALL)
        if len(tags) != 2 + 2 * len(found):
            raise Refused(400, "the tags do not pair up")
        mode = next(each for each in ("verdict", "grades", "ranking") if f'"{each}"' in system)
        return cls(system, query[1], dict(found), mode)


def _only_document(code: str, turn: str) -> str:
    found = re.findall(rf"<document {code}>\n(.*?)\n</document {code}>", turn, re.DOTALL)
    if len(found) != 1:
        raise Refused(400, "there is not one document")
    return str(found[0])


def longest_sentence(text: str) -> str:
    """The longest of a text's sentences, which says most."""
    return max(re.split(r"(?<=[.!?])\s+|\n+", text.strip()), key=len)


@dataclass(frozen=True, slots=True)
class ContextQuestion:
    """A question for the contexts of chunks, as a model would read it.

    Attributes:
        document: The document that the chunks are from.
        chunks: Their texts, by their labels, in the order in which they are shown. A single one may have none: `""`.
    """

    document: str
    chunks: Mapping[str, str]

    @classmethod
    def of(cls, turn: str) -> ContextQuestion:
        """Read a question that begins with a document.

        Raises:
            Refused: No chunk follows, or two have one label.
        """
        read = _DOCUMENT.match(turn)
        rest = "" if read is None else turn[read.end() :]
        first = _FIRST_CHUNK.search(rest)
        labelled = first is not None and first[1] is not None
        found = _LABELLED.findall(rest) if labelled else [("", text) for text in _CHUNK.findall(rest)]
        if read is None or not found:
            raise Refused(400, "no chunk follows the document")
        if len(dict(found)) < len(found):
            raise Refused(400, "two chunks have one label")
        return cls(read[1], dict(found))


def question_of(system: str, turn: str) -> Question | ContextQuestion:
    """Read a question of either kind.

    Raises:
        Refused: It is not built as it should be.
    """
    return ContextQuestion.of(turn) if turn.startswith("<document>\n") else Question.of(system, turn)


def asked_about(turn: str) -> str:
    """What a question is about: of one for contexts what follows the document, which holds every chunk."""
    read = _DOCUMENT.match(turn)
    return turn if read is None else turn[read.end() :]
