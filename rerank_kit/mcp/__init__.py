"""Reranking for agents: tools of the Model Context Protocol, whose official SDK `rerank_kit.mcp.server` imports."""

from rerank_kit.mcp.rerank_tool import rerank_tool
from rerank_kit.mcp.search_tool import search_tool
from rerank_kit.mcp.tool import Tool

__all__ = ["Tool", "rerank_tool", "search_tool"]
