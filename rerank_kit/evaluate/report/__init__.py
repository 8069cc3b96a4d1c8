"""An evaluation as tables and as one page for a browser. Each takes an `Evaluation`, or what its `to_dict` gave."""

from rerank_kit.evaluate.report.markup import as_csv, as_latex, as_markdown, to_pandas
from rerank_kit.evaluate.report.page import as_html
from rerank_kit.evaluate.report.terminal import as_text

__all__ = ["as_csv", "as_html", "as_latex", "as_markdown", "as_text", "to_pandas"]
