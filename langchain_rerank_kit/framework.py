"""Saying what to install where LangChain is not. It is imported before all else."""

from rerank_kit.optional import needed

needed("langchain_core", "langchain_classic", extra="langchain", why="langchain_rerank_kit")
