"""Memory does not grow with the number of candidates or the length of a document."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.local.tiny_models import bert_like
from tests.processes import python

STATUS = Path("/proc/self/status")
MEASURE = """
from rerank_kit.local import OnnxCrossEncoder

def peak():  # getrusage would begin with what the parent held
    with open("/proc/self/status") as status:
        return int(status.read().partition("VmHWM:")[2].split()[0]) / 1024

{work}
"""


def peaks(work: str) -> list[float]:
    """Run a script in a process of its own; the peaks of memory that it prints, in MB."""
    if not STATUS.exists():
        pytest.skip("this system does not tell a process's peak of memory")
    code = MEASURE.format(work=work)
    done = python("-c", code)
    return [float(line) for line in done.stdout.split()]


def test_ten_thousand_candidates_take_no_more_memory_than_five_hundred(tmp_path: Path) -> None:
    folder = bert_like(tmp_path).folder
    few, many = peaks(f"""
engine = OnnxCrossEncoder({str(folder)!r})
texts = ["word apple query fig " * 40 + str(number) for number in range(10_000)]
engine.rerank("query", texts[:500]); print(peak())
ranking = engine.rerank("query", texts); print(peak())
assert len(ranking) == 10_000 and ranking.usage.pairs == 10_000
""")
    assert many - few < 30


def test_a_document_of_a_megabyte_takes_little_more_memory_than_a_long_one() -> None:
    long, huge = peaks("""
engine = OnnxCrossEncoder()
text = "The registration threshold for GST is a turnover of 75,000 dollars. " * 15_000
engine.rerank("GST threshold", [text[:8_000], text[:9_000]]); print(peak())
assert len(text) > 1_000_000
usage = engine.rerank("GST threshold", [text, text + "."]).usage; print(peak())
assert usage.truncated == 2 and usage.tokens == 1024
""")
    assert huge - long < 60


def test_a_forked_process_can_go_on_reranking() -> None:
    code = """
import os
from rerank_kit.local import OnnxCrossEncoder
engine = OnnxCrossEncoder()
expected = engine.rerank("GST", ["GST is a tax", "cats"]).hits
child = os.fork()
if child == 0:
    os._exit(0 if engine.rerank("GST", ["GST is a tax", "cats"]).hits == expected else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    if not hasattr(sys.modules["os"], "fork"):
        pytest.skip("this system cannot fork")
    done = python("-W", "ignore::DeprecationWarning", "-c", code)
    assert done.stdout.strip() == "0"
