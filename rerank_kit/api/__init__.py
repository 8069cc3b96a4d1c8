"""The way to any API: requests, repetitions, rate limits, connections, keys. It knows no reranker, and loads no client.

Nothing is handed on here: `Fallback` needs one function of it, and should not load the rest.
"""
