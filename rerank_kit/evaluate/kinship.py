"""Whether a judge and what it judges are models of one family, told by their names: such judges favour their kin."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

FAMILIES: Mapping[str, tuple[str, ...]] = {
    "Anthropic": ("claude", "anthropic"),
    "OpenAI": ("gpt", "openai", "chatgpt", "o1", "o3", "o4"),
    "Google": ("gemini", "gemma", "google", "vertexai"),
    "Alibaba": ("qwen", "alibaba", "gte", "tongyi"),
    "Meta": ("llama", "meta"),
    "Mistral": ("mistral", "mixtral", "ministral", "magistral"),
    "Cohere": ("cohere", "command", "rerank-v", "rerank-english", "rerank-multilingual", "c4ai", "aya"),
    "Voyage": ("voyage", "voyageai", "rerank-2"),
    "Jina": ("jina", "jinaai"),
    "BAAI": ("bge", "baai"),
    "Microsoft": ("phi", "microsoft"),
    "DeepSeek": ("deepseek",),
    "NVIDIA": ("nvidia", "nemotron", "nv"),
    "IBM": ("granite", "ibm"),
    "Mixedbread": ("mxbai", "mixedbread"),
    "Contextual AI": ("ctxl", "contextualai"),
    "Zhipu": ("glm", "chatglm", "zhipu", "zai"),
    "xAI": ("grok", "xai"),
    "TypeSafe": ("system-one", "systemone", "typesafe"),
}
"""Vendors, and how the names of their models, and of whom publishes these, begin."""

_NAMES = {prefix: family for family, prefixes in FAMILIES.items() for prefix in prefixes}
_PREFIX = re.compile(rf"(?<![^\W_])({'|'.join(sorted(_NAMES, key=len, reverse=True))})(?![^\W\d_])", re.IGNORECASE)


def families(name: str) -> set[str]:
    """The families of the models in a name, such as that of a system; none where it is of no known one."""
    return {_NAMES[found.lower()] for found in _PREFIX.findall(name)}


def kin(judges: Iterable[str], systems: Iterable[str]) -> str | None:
    """What is to be said where a judge and a system are of one family; `None` where no such are known.

    Args:
        judges: Names of the models that gave labels.
        systems: Names of the systems, with those of their models.
    """
    known = {family: judge for judge in judges for family in families(judge)}
    related = {family: system for system in systems for family in families(system)}
    both = [f"{known[each]} and {related[each]} are of {each}" for each in known if each in related]
    if not both:
        return None
    return (
        f"judge and system of one family: {'; '.join(both)}. Models favour what is like them: have a judge of another "
        "family label these queries too, before you trust the comparison"
    )
