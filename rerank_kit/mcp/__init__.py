"""Reranking for agents: tools of the Model Context Protocol. Its official SDK is imported in `rerank_kit.mcp.server`."""

from rerank_kit.mcp.rerank_tool import rerank_tool
from rerank_kit.mcp.search_tool import search_tool
from rerank_kit.mcp.tool import Tool

__all__ = ["Tool", "rerank_tool", "search_tool"]
