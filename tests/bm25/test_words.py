"""The terms that BM25 counts: the same for all forms of a word, in every language that Snowball knows."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
import Stemmer
from hypothesis import given
from hypothesis import strategies as st

from rerank_kit import MissingExtra
from rerank_kit.bm25.index import Terms
from rerank_kit.bm25.languages import COMMONEST, languages, told_language
from rerank_kit.bm25.words import parts, words

PROSE = {
    "arabic": "وصل القطار إلى المدينة بعد ساعتين. "
    "هل كان هناك من ينتظر؟ لم يكن في المحطة أحد، لكن الأضواء كانت لا تزال مضاءة.",
    "catalan": "El tren va arribar a la ciutat amb dues hores de retard. Quan vam sortir, "
    "no hi havia ningú a les andanes.",
    "danish": "Toget kom to timer for sent til byen. Da vi steg af, var der ikke nogen på perronen, "
    "men lyset var tændt.",
    "dutch": "De trein kwam twee uur te laat aan in de stad. Toen we uitstapten was er niemand op het perron te zien.",
    "english": "The train came to the city two hours late. "
    "When we got out there was nobody on the platform to meet us.",
    "finnish": "Juna oli kaksi tuntia myöhässä, ja kun se tuli, asemalla ei ollut ketään. "
    "Mutta valot olivat vielä päällä.",
    "french": "Le train est arrivé dans la ville avec deux heures de retard. Il n'y avait plus personne sur les quais.",
    "german": "Der Zug kam mit zwei Stunden Verspätung in der Stadt an. Als wir ausstiegen, "
    "war niemand auf dem Bahnsteig.",
    "greek": "Το τρένο έφτασε στην πόλη με δύο ώρες καθυστέρηση. "
    "Όταν κατεβήκαμε δεν ήταν κανείς στην αποβάθρα για να μας δει.",
    "hindi": "ट्रेन दो घंटे की देरी से शहर में पहुँची। जब हम उतरे तो स्टेशन पर कोई नहीं था, और सब दुकानें बंद थीं।",
    "hungarian": "A vonat két órát késett, és nem volt senki az állomáson, aki várt volna ránk. De a lámpák még égtek.",
    "indonesian": "Kereta itu tiba di kota dua jam lebih lambat. "
    "Tidak ada orang yang menunggu kami di stasiun pada malam itu.",
    "italian": "Il treno è arrivato nella città con due ore di ritardo. "
    "Quando siamo scesi non c'era nessuno sul binario.",
    "norwegian": "Toget kom to timer for sent til byen. Da vi gikk av, var det ikke noen på perrongen, "
    "men hun ble med oss nå.",
    "portuguese": "O trem chegou à cidade com duas horas de atraso. Quando descemos, não havia ninguém na plataforma.",
    "romanian": "Trenul a ajuns în oraș cu două ore mai târziu. Când am coborât, nu era nimeni pe peron, "
    "dar lumina era aprinsă.",
    "russian": "Поезд пришёл в город на два часа позже. Когда мы вышли, на платформе никого не было, "
    "но свет ещё горел.",
    "spanish": "El tren llegó a la ciudad con dos horas de retraso. "
    "Cuando bajamos no había nadie en el andén para recibirnos.",
    "swedish": "Tåget kom två timmar för sent till staden. När vi steg av var det inte någon på perrongen, "
    "men jag såg ett ljus.",
    "turkish": "Tren şehre iki saat geç geldi. İndiğimizde peronda kimse yoktu, "
    "ama ışıklar daha yanıyordu ve bir köpek var gibi.",
}
CODE = """
def collect(items, limit=None):
    found = {}
    for key, value in items.items():
        if key not in found and value is not None:
            found[key] = [each for each in value if each.size > limit or each.is_open]
    return found

class Queue(list):
    def push(self, item):
        with self.lock:
            self.append(item)
        while len(self) > self.limit:
            del self[0]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Straße, ＡＢＣ-42!", ["strasse", "abc", "42"]),
        ("snake_case x", ["snake_case", "x"]),
        ("東京タワーへgo", ["東京", "京タ", "タワ", "ワー", "ーへ", "go"]),
        ("猫 cat", ["猫", "cat"]),
        ("", []),
        ("हिन्दी में। தமிழ்", ["हिन्दी", "में", "தமிழ்"]),
        ("פֿאַר كَتَبَ", ["פֿאַר", "كَتَبَ"]),
        ("İzmir é", ["i̇zmir", "é"]),
        ("\u0301 a\u0323\u0331", ["ạ\u0331"]),
    ],
)
def test_text_is_cut_into_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get_user_name(x)", ["get", "user", "name"]),
        ("DiffExecutor and toHtml5Page", ["diff", "executor", "to", "html5", "page"]),
        ("_important_ __init__ SOME_LIMIT", ["important", "init", "some", "limit"]),
        ("größe_max", ["grösse", "max"]),
        ("x_1 aBcd", ["bcd"]),
        ("mRNA, HTTP, GmbH and ____ in 東京タワー", []),
        ("plain words", []),
    ],
)
def test_names_in_code_have_parts(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@given(st.text())
def test_any_text_can_be_cut(text: str) -> None:
    assert all(term for term in [*words(text), *parts(text)])
    for language in (None, "english", "turkish"):
        assert len(Terms(language)(text)) >= len(words(text))
        telling, common = Terms(language).of_query(text)
        assert sorted([*telling, *common]) == sorted(Terms(language)(text))
        assert (telling == []) is (words(text) == [])


def test_every_language_of_snowball_has_its_commonest_words() -> None:
    assert set(Stemmer.algorithms()) - {"porter", "dutch_porter"} == set(languages())
    for language, common in COMMONEST.items():
        assert len(common) > 35, language
        assert all(words(word) == [word] for word in common), language
    assert len({*COMMONEST.values()}) == len(COMMONEST)


@pytest.mark.parametrize("language", languages())
def test_every_language_has_stems_and_queries_without_its_commonest_words(language: str) -> None:
    common = sorted(COMMONEST[language])
    terms = Terms(language)
    assert terms.of_query(" ".join([*common, "zebra_42"])) == (terms("zebra_42"), terms(" ".join(common)))
    assert terms.of_query(" ".join(common)) == (terms(" ".join(common)), [])
    assert len(terms(" ".join(common))) == len(common)


@pytest.mark.parametrize(("language", "text"), PROSE.items(), ids=list(PROSE))
def test_the_language_of_a_collection_is_told(language: str, text: str) -> None:
    assert told_language([text]) == language
    assert told_language(["", *text.split(". "), "1984"]) == language


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["", " \n"],
        ["cat", "dog"],
        ["1 2 3", "4.5"],
        ["die die die"],
        [CODE],
        CODE.split("\n\n"),
        ["澳大利亚的商品及服务税注册门槛是七万五千澳元。"],
        ["明日の東京の天気は晴れです。"],
        ["고양이가 자고 있다. 그리고 개는 마당에 있다."],
        [PROSE["english"], PROSE["german"]],
        [f"{PROSE['french']} {PROSE['spanish']}"],
        [PROSE["russian"], *[PROSE["english"]] * 3],
    ],
)
def test_no_language_is_told_where_none_is_clear(texts: list[str]) -> None:
    assert told_language(texts) is None


def test_code_with_comments_in_a_language_has_that_language() -> None:
    comment = "# The items that are of this size, or those which have been opened by someone else at the time."
    assert told_language([f"{comment}\n{CODE}"]) == "english"


def test_a_collection_is_heard_everywhere_in_it() -> None:
    assert told_language([PROSE["english"]] * 3000 + [PROSE["german"]] * 3000) is None


def test_a_little_of_another_language_is_let_pass() -> None:
    assert told_language(["The son of the king was to be one of those who would not come."]) == "english"
    assert told_language([PROSE["english"]] * 90 + [PROSE["german"]] * 10) == "english"
    assert told_language([PROSE["english"]] * 70 + [PROSE["german"]] * 30) is None


def test_a_language_that_the_installed_package_lacks_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    older = SimpleNamespace(algorithms=lambda: ["english", "porter"])
    monkeypatch.setitem(sys.modules, "Stemmer", older)
    assert languages() == ["english"]
    assert told_language([PROSE["english"]]) == "english"
    assert told_language([PROSE["german"]]) is None


@pytest.mark.parametrize(
    ("language", "forms"),
    [
        ("english", "house houses housing"),
        ("german", "Haus Hause Hauses"),
        ("french", "continuer continuation continuait"),
        ("spanish", "casa casas"),
        ("russian", "книга книги книгу"),
        ("hindi", "किताबें किताबों"),
        ("turkish", "Işık IŞIK ışık"),
        ("turkish", "İzmir izmir İZMİR"),
    ],
)
def test_forms_of_a_word_are_one_term(language: str, forms: str) -> None:
    assert len(set(Terms(language)(forms))) == 1
    assert len(set(Terms()(forms))) > 1


def test_a_name_counts_whole_and_in_parts() -> None:
    assert Terms("english")("DiffExecutors") == ["diffexecutor", "diff", "executor"]
    assert Terms()("get_users") == ["get_users", "get", "users"]


def test_the_commonest_words_of_a_query_stand_beside_the_others() -> None:
    terms = Terms("english")
    assert terms("the cats of them") == ["the", "cat", "of", "them"]
    assert terms.of_query("What are the cats of them?") == (["cat"], ["what", "are", "the", "of", "them"])
    assert terms.of_query("cat cat, cats") == (["cat"] * 3, [])
    assert terms.of_query("To be, or not to be") == (["to", "be", "or", "not", "to", "be"], [])
    assert terms.of_query("?!") == ([], [])
    assert Terms().of_query("the cats") == (["the", "cats"], [])


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "Stemmer", None)
    with pytest.raises(MissingExtra, match=r'Stemmer: pip install "rerank-kit\[bm25\]"'):
        Terms("english")("cat")
    assert Terms()("cats") == ["cats"]
