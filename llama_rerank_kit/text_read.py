"""What is read of a node."""

from __future__ import annotations

import logging

from llama_index.core.schema import BaseNode, MetadataMode

logger = logging.getLogger("rerank_kit")


def text_read(node: BaseNode, mode: MetadataMode) -> str:
    """What is read of a node; its text alone, where its metadata cannot be written as text."""
    try:
        return node.get_content(mode)
    except Exception as error:  # noqa: BLE001 - metadata may hold anything, and nothing in them fails a ranking
        told = "the metadata of node %s cannot be written as text (%s), so its text is read without them"
        logger.warning(told, node.node_id, type(error).__name__)
        return node.get_content(MetadataMode.NONE)
