"""Rerankers that run on this machine. Importing this package loads no model and no engine."""

from rerank_kit.local.cross_encoder import CrossEncoder, Scored
from rerank_kit.local.onnx import OnnxCrossEncoder

__all__ = ["CrossEncoder", "OnnxCrossEncoder", "Scored"]
