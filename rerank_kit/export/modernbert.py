"""ModernBERT in ONNX Runtime's own operators, for the small rerankers whose time goes into everything but products.

What torch makes of it as it is has some thousand nodes, of which most only move numbers about. Here a layer has about
thirty: attention and rotary positions are one operator each
(https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md), and where only a text's first token is
read at the end, the last layer computes that one alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

from rerank_kit.optional import optional

UNSEEN = -60.0
"""What is added to the attention of a token that is not to be seen: e^-60 of the share of one that is.

Less would be as good as nothing and cost several times the time: exponentials below e^-87 are numbers that Intel's CPUs
compute step by step.
"""


def faster(model: Any) -> list[Any]:
    """The parts of a `torch.nn.Module` that can be rewritten."""
    return [each for each in model.modules() if type(each).__name__ == "ModernBertModel"]


@contextmanager
def rewritten(model: Any, *, first: bool) -> Generator[None]:
    """Let the ModernBERT in a model, where there is one, compute with these operators for a while.

    Args:
        model: A `torch.nn.Module`.
        first: Whether what comes behind reads each text's first token alone. What it gets then has that one alone.
    """
    found = faster(model)
    for each in found:
        each.forward = partial(_forward, each, first=first)
    try:
        yield
    finally:
        for each in found:
            del each.forward


def _forward(model: Any, input_ids: Any, attention_mask: Any, *, first: bool, **_: Any) -> Any:
    """What a `ModernBertModel` computes of tokens and their mask, both of shape (pairs, tokens), padded at the end."""
    torch = _torch()
    kinds = model.config.layer_types
    places = torch.arange(input_ids.shape[1], device=input_ids.device)
    seen = (attention_mask != 0)[:, None, None, :]
    near = (places[:, None] - places[None, :]).abs() <= model.config.sliding_window
    unseen = {
        "full_attention": _unseen(seen.expand(-1, -1, input_ids.shape[1], -1)),
        "sliding_attention": _unseen(seen & near),
    }
    hidden = model.embeddings(input_ids)
    turns = {kind: _turns(model, hidden, places, kind) for kind in dict.fromkeys(kinds)}
    *layers, last = zip(model.layers, kinds, strict=True)
    for layer, kind in layers:
        hidden = _layer(layer, hidden, unseen[kind], turns[kind], first=False)
    layer, kind = last
    hidden = _layer(layer, hidden, unseen[kind], turns[kind], first=first)
    outputs = optional("transformers.modeling_outputs", extra="export", why="exporting a model")
    return outputs.BaseModelOutput(last_hidden_state=model.final_norm(hidden))


def _unseen(seen: Any) -> Any:
    return _torch().where(seen, 0.0, UNSEEN)


def _turns(model: Any, hidden: Any, places: Any, kind: str) -> tuple[Any, Any]:
    """Cosines and sines of the places, of shape (tokens, half a head): the other half is the same."""
    cosine, sine = model.rotary_emb(hidden, places[None], kind)
    half = cosine.shape[-1] // 2
    return cosine[0, :, :half], sine[0, :, :half]


def _layer(layer: Any, hidden: Any, unseen: Any, turns: tuple[Any, Any], *, first: bool) -> Any:
    attention, mlp = layer.attn, layer.mlp
    heads = attention.config.num_attention_heads
    normed = layer.attn_norm(hidden)
    asking = normed
    if first:
        hidden, asking, unseen = hidden[:, :1], normed[:, :1], unseen[:, :, :1]
    query, key, value = (
        part(each) for part, each in zip(_parts(attention.Wqkv, 3), (asking, normed, normed), strict=True)
    )
    key = _operators().rotary.apply(key, *turns, heads)
    if not first:  # at place 0 nothing is turned
        query = _operators().rotary.apply(query, *turns, heads)
    hidden = hidden + attention.Wo(_operators().attention.apply(query, key, value, unseen, heads))
    normed = layer.mlp_norm(hidden)
    shown, gate = (part(normed) for part in _parts(mlp.Wi, 2))
    act = _operators().gelu.apply if mlp.config.hidden_activation == "gelu" else mlp.act
    return hidden + mlp.Wo(act(shown) * gate)


def _parts(linear: Any, count: int) -> list[Callable[[Any], Any]]:
    """A linear layer as several, each with an equal part of the outputs: sooner than cutting up what it gives."""
    torch = _torch()
    weights = linear.weight.chunk(count)
    biases: Sequence[Any] = [None] * count if linear.bias is None else linear.bias.chunk(count)
    return [
        partial(torch.nn.functional.linear, weight=weight, bias=bias)
        for weight, bias in zip(weights, biases, strict=True)
    ]


@cache
def _operators() -> Any:
    """Operators of ONNX Runtime's as functions of torch, which are computed in torch while a graph is made."""
    return SimpleNamespace(
        gelu=_operator(_bent, _gelu), rotary=_operator(_turned, _rotary), attention=_operator(_attended, _attention)
    )


def _operator(computed: Any, written: Any) -> Any:
    own = {"forward": staticmethod(computed), "symbolic": staticmethod(written)}
    return type("Operator", (_torch().autograd.Function,), own)


def _bent(_: Any, x: Any) -> Any:
    return _torch().nn.functional.gelu(x)


def _gelu(graph: Any, x: Any) -> Any:
    return graph.op("com.microsoft::Gelu", x).setType(x.type())


def _turned(_: Any, x: Any, cosine: Any, sine: Any, heads: int) -> Any:
    """Rotary positions, on a tensor of shape (pairs, tokens, heads times size)."""
    one, other = x.unflatten(-1, (heads, 2, -1)).unbind(-2)
    cosine, sine = cosine[:, None], sine[:, None]
    return _torch().stack((one * cosine - other * sine, other * cosine + one * sine), -2).flatten(-3)


def _rotary(graph: Any, x: Any, cosine: Any, sine: Any, heads: int) -> Any:
    begin = graph.op("Constant", value_t=_torch().tensor([0]))
    found = graph.op("com.microsoft::RotaryEmbedding", x, begin, cosine, sine, num_heads_i=heads)
    return found.setType(x.type())


def _attended(_: Any, query: Any, key: Any, value: Any, unseen: Any, heads: int) -> Any:
    """Attention between tensors of shape (pairs, tokens, heads times size)."""
    apart = (each.unflatten(-1, (heads, -1)).transpose(1, 2) for each in (query, key, value))
    found = _torch().nn.functional.scaled_dot_product_attention(*apart, attn_mask=unseen)
    return found.transpose(1, 2).flatten(-2)


def _attention(graph: Any, *given: Any) -> Any:
    query, key, value, unseen, heads = given
    none = graph.op("prim::Constant").setType(_torch()._C.OptionalType.ofTensor())  # noqa: SLF001 - an input left out
    inputs = (query, key, value, none, none, unseen)
    found = graph.op("com.microsoft::MultiHeadAttention", *inputs, num_heads_i=heads)
    return found.setType(query.type())


def _torch() -> Any:
    return optional("torch", extra="export", why="exporting a model")
