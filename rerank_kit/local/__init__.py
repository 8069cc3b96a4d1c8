"""Rerankers that run on this machine. Importing this package loads no model and no engine."""

from rerank_kit.local.cross_encoder import CrossEncoder, Scored
from rerank_kit.local.engines import Engine, cross_encoder
from rerank_kit.local.file_choice import Precision
from rerank_kit.local.flashrank import FlashRank
from rerank_kit.local.onnx import OnnxCrossEncoder
from rerank_kit.local.queries import LongQueries
from rerank_kit.local.scripts import LanguageWarning, OnLanguage
from rerank_kit.local.sentence_transformers import SentenceTransformersCrossEncoder
from rerank_kit.local.torch_loading import DType, PrecisionWarning
from rerank_kit.local.windows import LongDocuments, LongDocumentsWarning

__all__ = [
    "CrossEncoder",
    "DType",
    "Engine",
    "FlashRank",
    "LanguageWarning",
    "LongDocuments",
    "LongDocumentsWarning",
    "LongQueries",
    "OnLanguage",
    "OnnxCrossEncoder",
    "Precision",
    "PrecisionWarning",
    "Scored",
    "SentenceTransformersCrossEncoder",
    "cross_encoder",
]
