"""For tests: real HTTP servers that speak the formats of rerank APIs, chat and decision models, and fail when told to.

They need nothing but the standard library. See the page "Testing" of the documentation.
"""

from rerank_kit.testing.chat_formats import Reply
from rerank_kit.testing.chat_questions import ContextQuestion, Question
from rerank_kit.testing.chat_server import ChatServer
from rerank_kit.testing.decision_server import DecisionRequest, DecisionServer
from rerank_kit.testing.faults import (
    Fault,
    byte_order_mark,
    constant_scores,
    cut_connection,
    deeply_nested,
    dripping,
    duplicate_index,
    index_out_of_range,
    invalid_json,
    not_a_number,
    odd_charset,
    odd_score,
    odd_usage,
    slow,
    status,
    too_many_requests,
    unsorted,
    wrong_count,
    wrong_shape,
)
from rerank_kit.testing.rerank_server import Received, RerankServer, words_in_common

__all__ = [
    "ChatServer",
    "ContextQuestion",
    "DecisionRequest",
    "DecisionServer",
    "Fault",
    "Question",
    "Received",
    "Reply",
    "RerankServer",
    "byte_order_mark",
    "constant_scores",
    "cut_connection",
    "deeply_nested",
    "dripping",
    "duplicate_index",
    "index_out_of_range",
    "invalid_json",
    "not_a_number",
    "odd_charset",
    "odd_score",
    "odd_usage",
    "slow",
    "status",
    "too_many_requests",
    "unsorted",
    "words_in_common",
    "wrong_count",
    "wrong_shape",
]
