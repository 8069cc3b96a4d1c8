"""A chat template is a prompt if it puts query and document into their places, and does no more with them."""

from __future__ import annotations

from typing import Any

import pytest

from rerank_kit import ConfigurationError
from rerank_kit.local.chat_templates import prompts_of_template

pytest.importorskip("jinja2")


def made(query: str, document: str) -> str:
    """A template with these for the two texts."""
    roles = "{% set query = messages[-2].content %}{% set document = messages[-1].content %}"
    told = "{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"
    return f"{roles}{told} Q: {{{{ {query} }}}} D: {{{{ {document} }}}}"


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("query[:100]", "document"),
        ("query", "document[:2000]"),
        ("query", "document[-2000:]"),
        ("query", "document | trim"),
        ("query.lstrip()", "document.lstrip()"),
        ("query | lower", "document"),
        ("query", "document.split('\\n')[0]"),
        ("query", "document | replace('  ', ' ')"),
        ("query", "document | e"),
        ("query", "(document if document | length < 500 else 'long ' + document)"),
        ("query", "(document ~ query | length)"),
    ],
)
def test_a_template_that_does_more_is_refused(query: str, document: str) -> None:
    with pytest.raises(ConfigurationError, match=r"model='m': its chat template does more .*: pass template="):
        prompts_of_template(made(query, document), {}, generation=False, model="m")


@pytest.mark.parametrize(
    ("query", "document", "strip"), [("query", "document", False), ("query | trim", "document.strip()", True)]
)
def test_a_template_that_does_not_is_a_prompt(query: str, document: str, strip: bool) -> None:
    (found,) = prompts_of_template(made(query, document), {}, generation=False, model="m")
    assert found.parts == (" Q: {query} D: {document}",)
    assert found.strip == strip
    assert found.told("Find.").parts == ("{instruction} Q: {query} D: {document}",)


def test_a_template_is_told_what_the_models_files_say() -> None:
    template = (
        made("query", "document") + "{%- if enable_thinking is defined and not enable_thinking %} NOW{%- endif %}"
    )
    told: Any = {"generation": False, "model": "m"}
    assert prompts_of_template(template, {}, **told)[0].parts == (" Q: {query} D: {document}",)
    (found,) = prompts_of_template(template, {}, options={"enable_thinking": False}, **told)
    assert found.parts == (" Q: {query} D: {document} NOW",)
