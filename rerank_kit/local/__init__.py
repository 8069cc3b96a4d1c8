"""Rerankers that run on this machine. Importing this package loads no model and no engine."""

from rerank_kit.local.cross_encoder import CrossEncoder, Scored
from rerank_kit.local.models import Precision
from rerank_kit.local.onnx import OnnxCrossEncoder
from rerank_kit.local.windows import LongDocuments

__all__ = ["CrossEncoder", "LongDocuments", "OnnxCrossEncoder", "Precision", "Scored"]
