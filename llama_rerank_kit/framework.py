"""Saying what to install where LlamaIndex is not. It is imported before all else."""

from rerank_kit.optional import needed

needed("llama_index.core", extra="llama-index", why="llama_rerank_kit")
