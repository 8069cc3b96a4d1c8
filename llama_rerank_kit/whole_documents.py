"""Whole documents: put together of their nodes; their text, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence

from llama_index.core.schema import BaseNode, MetadataMode, TextNode

from rerank_kit import ConfigurationError

_GAP = 8  # characters between two nodes, at most: splitters cut off white space


def put_together(name: str, nodes: Sequence[BaseNode]) -> str:
    """The text of a document, of its nodes; of what is between two of them only its length is known.

    Raises:
        ConfigurationError: They do not know where they stand, or some are missing.
    """
    text = ""
    for begin, end, part in sorted(map(_placed, nodes), key=lambda each: (each[0], -each[1])):
        again = text[max(begin, 0) :][: len(part)]
        same = again.split() == part[: len(again)].split()
        if begin < 0 or end - begin != len(part) or begin > len(text) + _GAP or not same:
            break
        text += "\n" * (begin - len(text))
        text += part[len(text) - begin :]
    else:
        return text
    msg = (
        f"document {name!r} cannot be put together of its nodes, which are not all of it or do not know where they "
        "stand in it: pass the whole documents, ContextualChunks(documents=…), or have it cut them, splitter=…"
    )
    raise ConfigurationError(msg)


def _placed(node: BaseNode) -> tuple[int, int, str]:
    """Where a node stands in its document, and its text; -1 where it does not say."""
    begin, end = (node.start_char_idx, node.end_char_idx) if isinstance(node, TextNode) else (None, None)
    return (-1 if begin is None else begin), (-1 if end is None else end), text_of(node)


def text_of(node: BaseNode) -> str:
    """The text of a node alone."""
    return node.get_content(MetadataMode.NONE)


def title_of(node: BaseNode) -> str:
    """What a document is called, by its metadata or those of a node of it."""
    known: list[object] = [node.metadata.get("title"), node.metadata.get("file_name")]
    return next((each for each in known if isinstance(each, str)), "")
