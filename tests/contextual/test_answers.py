"""Contexts in another language than their document are told, and none that is in its own."""

from __future__ import annotations

import pytest

from rerank_kit.contextual.answers import OTHER_LANGUAGE, Language, reading_of
from rerank_kit.judge import Completion

SPANISH = "Este es el informe anual de la empresa. En él se describe lo que se hizo y por qué no fue más que eso."
ENGLISH = "This is the annual report of the company, and it says what they did in the year and why it was not more."
CHINESE = "這是公司的年度報告。它說明了公司在這一年做了什麼，以及為什麼沒有更多。"


@pytest.mark.parametrize(
    ("document", "context"),
    [
        (SPANISH, "Este fragmento forma parte del informe anual de la empresa y describe la suma de la primera parte."),
        (ENGLISH, "This chunk is from the report on the sales of the company; it gives the sum of part one."),
        (ENGLISH, "Revenue 2023, part one"),
        (ENGLISH, "12.5 %"),
        (CHINESE, "本段出自年度報告,說明第一部分。"),
        (CHINESE + " Acme Corporation GmbH", "Acme Corporation"),
        (SPANISH + ENGLISH, "This chunk is from the report on the sales of the company; it gives the sum of part one."),
        ("fn main() { let x = 1; }", "This chunk is the entry point of the program, and it is where all begins."),
        ("1, 2, 3", "This is a table."),
        ("", "Anything"),
    ],
)
def test_a_context_in_the_language_of_its_document_is_taken(document: str, context: str) -> None:
    assert not Language(document).differs(context)


ENGLISH_CONTEXT = "This chunk is from the report on the sales of the company; it gives the sum of part one."
SPANISH_CONTEXT = "Este fragmento forma parte del informe anual de la empresa y describe la suma de la primera parte."


@pytest.mark.parametrize(
    ("chunk", "context"), [(SPANISH, SPANISH_CONTEXT), (CHINESE, "本段出自年度報告,說明第一部分。")]
)
def test_a_context_in_the_language_of_its_chunk_is_taken(chunk: str, context: str) -> None:
    answer = Completion(context)
    english = Language(ENGLISH)
    assert reading_of(answer, {"": chunk}, english, alone=True).contexts[""].text == context
    assert reading_of(answer, {"": ENGLISH}, english, alone=True).contexts[""].why == OTHER_LANGUAGE
    assert reading_of(answer, {"": "1, 2"}, english, alone=True).contexts[""].why == OTHER_LANGUAGE
    assert reading_of(Completion(ENGLISH_CONTEXT), {"": chunk}, english, alone=True).contexts[""].text is not None


@pytest.mark.parametrize(
    ("document", "context"),
    [
        (SPANISH, "This chunk is from the report on the sales of the company; it gives the sum of part one."),
        (ENGLISH, "Ce passage provient du rapport annuel de la société et donne la somme de la première partie."),
        (ENGLISH, "本段出自年度報告,說明第一部分。"),
        (CHINESE, "This chunk is from the report on the sales of the company; it gives the sum of part one."),
        (ENGLISH, "Этот фрагмент взят из годового отчёта компании."),
    ],
)
def test_a_context_in_another_language_is_told(document: str, context: str) -> None:
    assert Language(document).differs(context)
