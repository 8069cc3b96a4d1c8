"""Chat templates that are made for pairs: with a role for the query and one for the document, as a prompt of ours.

sentence-transformers (6.0) gives them the messages `{"role": "query", …}` and `{"role": "document", …}`, and puts an
instruction before them as a message of the role `system`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from rerank_kit.errors import ConfigurationError
from rerank_kit.local.prompts import Prompt
from rerank_kit.optional import optional

_ROLES = re.compile(r"['\"](query|document)['\"]")
_QUERY, _DOCUMENT, _INSTRUCTION = "{query}", "{document}", "{instruction}"

_LONG = "Apples, <pears> &\n\n\ttwo  Figs. " * 5_000
_PROBES = (
    (" \n q", "d \n "),
    ("Q, 'a' \"b\"\n\n<c>", "d  E\tf & g"),
    (_LONG, "Short"),
    ("short", _LONG),
    (_LONG, _LONG),
)
"""Pairs of which a template that does more with texts than to put them in their places makes something else."""

Render = Callable[[str, str, str | None], str]
"""What a template makes of a query, a document, and an instruction where there is one."""


def names_a_pair(template: str) -> bool:
    """Whether it names the roles of a query and a document, of which a template for chats has never heard."""
    return set(_ROLES.findall(template)) == {"query", "document"}


def prompt_of(render: Render, model: str) -> Prompt | None:
    """What a template makes of a pair, as a prompt; `None` where it fails, or leaves one of both out.

    An instruction has a place in it where the template shows one.

    Args:
        render: The template.
        model: What the user called the model.

    Raises:
        ConfigurationError: It does more with the texts than to put them in their places.
    """
    plain = _text(render, _QUERY, _DOCUMENT, None)
    if plain is None or _QUERY not in plain or _DOCUMENT not in plain:
        return None
    told = _text(render, _QUERY, _DOCUMENT, _INSTRUCTION)
    instructed = {0: told} if told and all(each in told for each in (_QUERY, _DOCUMENT, _INSTRUCTION)) else {}
    strip = _text(render, f" {_QUERY} ", f" {_DOCUMENT} ", None) == plain
    found = Prompt((plain,), instructed, strip=strip)
    instructions = (None, _LONG.strip()) if instructed else (None,)
    if any(_text(render, *pair, each) != _filled(found, pair, each) for pair in _PROBES for each in instructions):
        msg = (
            f"model={model!r}: its chat template does more with query and document than to put them in their places: "
            "it cuts or trims them, or asks what they hold. What it makes of a pair cannot be told as a prompt: pass "
            "template="
        )
        raise ConfigurationError(msg)
    return found


def prompts_of_template(
    template: str,
    tokens: Mapping[str, str],
    *,
    generation: bool | None,
    model: str,
    options: Mapping[str, Any] | None = None,
) -> list[Prompt]:
    """The prompts that a template for pairs can stand for: one, or two where only the turn behind it is in doubt.

    Args:
        template: The text.
        tokens: The tokenizer's special tokens by their names, such as `bos_token`.
        generation: Whether a turn of the assistant is begun behind the pair; `None` where no file says so.
        model: What the user called the model.
        options: What else the template is told by the model's files.

    Raises:
        ConfigurationError: It is no template.
        MissingExtra: jinja2 is not installed.
    """
    optional("jinja2", extra="onnx", why="a model with a chat template for pairs")
    jinja = optional("jinja2.sandbox", extra="onnx", why="a model with a chat template for pairs")
    environment = jinja.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    try:
        compiled = environment.from_string(template)
    except Exception as error:  # jinja2's errors are those of Python in part
        msg = f"model={model!r}: its chat template cannot be read ({error}): pass template=, or fetch the model again"
        raise ConfigurationError(msg) from error

    def render(query: str, document: str, instruction: str | None, *, begun: bool) -> str:
        messages = _messages(query, document, instruction)
        return str(compiled.render({**tokens, **(options or {}), "messages": messages, "add_generation_prompt": begun}))

    turns = (False, True) if generation is None else (generation,)
    found = [prompt_of(partial(render, begun=begun), model) for begun in turns]
    return list({each.parts: each for each in found if each is not None}.values())


def same_text(one: Prompt, other: Prompt) -> bool:
    """Whether two prompts make the same text of a pair, whatever parts they are tokenised in."""
    return _filled(one, (" q ", " d "), None) == _filled(other, (" q ", " d "), None)


def _filled(prompt: Prompt, pair: tuple[str, str], instruction: str | None) -> str:
    told = prompt if instruction is None else prompt.told(instruction)
    return "".join(part.text for part in told.filled(*pair))


def _messages(query: str, document: str, instruction: str | None) -> list[dict[str, Any]]:
    told = [] if instruction is None else [{"role": "system", "content": instruction}]
    return [*told, {"role": "query", "content": query}, {"role": "document", "content": document}]


def _text(render: Render, query: str, document: str, instruction: str | None) -> str | None:
    try:
        return render(query, document, instruction)
    except Exception:  # noqa: BLE001 - a template may raise anything
        return None


def _refuse(message: object) -> None:
    raise ValueError(message)
