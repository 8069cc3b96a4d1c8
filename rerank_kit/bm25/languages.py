"""Which language texts are in, and the stems of its words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from rerank_kit.bm25.words import words
from rerank_kit.optional import optional

_SAMPLED = 500  # texts of a collection: enough for its language to be heard
_BEGINNING = 1_000  # characters of each
_LEAST = 3  # different common words
_FEW = 1 / 4  # as many common words of its own language as of another: a text in that other one
_OTHERS = 1 / 6  # as many of another language: a tenth of the texts may be in one
_SHARE = 0.04  # of all words: prose has five to ten times as many, code with comments half as many again

COMMONEST: Mapping[str, frozenset[str]] = {
    language: frozenset(words(text))
    for language, text in {
        "arabic": """
            في من على إلى عن أن إن التي الذي الذين هذا هذه ذلك تلك كان كانت يكون لا لم لن ما ماذا متى أين كيف هل هو هي
            هم نحن أنا أنت مع قد و أو ثم بعد قبل كل بين حتى عند غير أي لكن حيث كما بعض منذ إذا""",
        "armenian": """
            և ու է են էր էին եմ ես եք ենք որ որը որի որոնք այն այս այդ մի մեկ նա նրա նրանք իր իրենց մեր ձեր իմ ով ինչ
            ինչպես որտեղ երբ ինչու մեջ մասին համար հետ վրա կամ բայց նաև ոչ չի չէ եթե բոլոր ամեն պետք կա մինչև հետո""",
        "basque": """
            eta da dira zen ziren ez bat du dute zuen zuten ere bere hau hori hura baina edo izan egin zer nor non noiz
            nola zein zergatik zenbat nire gure zure haien dago daude dut dugu zaio baino beste oso bezala arte baita bi
            den duen""",
        "catalan": """
            de la el i a que en els les un una per amb del l d al és no es dels són com més o va ser era han seva seu
            entre però aquest aquesta també on quan què qui quin quina quants perquè s sobre fins des sense ja hi ho pel
            als molt tot tots""",
        "czech": """
            a se v na je že s z do o to i k ve pro za by si ale jako jsou od po které který která tak při jeho její byl
            byla bylo být už jen nebo podle co kdo kde kdy jak proč jaký jaká jaké před ze aby až jsem jsme není má mezi
            však jejich také""",
        "danish": """
            og i at det er en den til af som på de med for der ikke et han hun har var men sig om vi jeg fra ham hendes
            havde blev kan skal vil så efter ved eller hvad hvor hvem hvornår hvordan hvorfor hvilken også meget under
            over nu kun dette denne disse bliver være når mellem mod noget""",
        "dutch": """
            de het een van en in is dat op te zijn die voor met niet aan er om ook als dan maar bij nog uit door naar
            heeft hij ze zij wordt werd worden was waren wat wie waar wanneer hoe waarom welke tot over of je ik we deze
            dit hun haar kan zou veel tussen na geen""",
        "english": """
            the of and to a in is it that for was on are as with be by at this from have or had not but what which who
            whom whose when where why how do does did has been were an his her its their they them he she we you i my
            your our me us him can could will would should may might shall must there these those then than so if no
            into about more some any all also only such between during after before over under s t""",
        "esperanto": """
            la de kaj en estas ne al kiu por li ĝi mi vi ni ili ŝi oni estis esti kiel ke pri kun sed aŭ sur el pli
            ankaŭ kio kie kiam kial kia kies kiom tiu tio ĉi ĉiu ĉiuj per inter post antaŭ tre nur se da jam sia lia
            ilia ĝia""",
        "estonian": """
            ja on ei et see oli kui ta ka ning mis kes ma sa me nad seda selle olid oma või aga välja mida kus millal
            kuidas miks milline nii siis veel kuni pärast enne üle alla ole olla tema nende meie teie nagu väga kõik
            poolt ainult juba""",
        "finnish": """
            ja on ei että se oli hän ovat joka mutta kun myös ole hänen sen jos niin tai kuin olivat mitä mikä kuka
            missä milloin miten miksi ne he minä sinä me tämä tämän sitä jotka jossa vain jo vielä sekä eivät olla ollut
            mukaan kanssa kuten""",
        "french": """
            de la le et les l des d en un une du à est que qui dans il elle pour au a par sur pas se ne ce n plus s qu
            sont avec ou son sa ses aux été cette on ils leur leurs mais comme je tu nous vous c y où quand comment
            pourquoi quel quelle quels quelles quoi était être fait ont ces entre après avant très aussi j""",
        "german": """
            der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus er
            hat dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur
            bis mehr durch man wurde sein wer was wo wann warum welche welcher welches ich wir ihr ihre seine kann unter
            wenn hatte gibt""",
        "greek": """
            και το η του ο να της τα την στο που με για από των στην οι τον δεν είναι θα σε μια ένα ένας τις στη τους
            ότι τη ως αλλά ή αν κατά μετά πριν ήταν έχει είχε τι ποιος ποια ποιο πού πότε πώς γιατί πόσο αυτό αυτή αυτός
            στα στις στον μας πολύ όταν όπως μεταξύ μόνο""",
        "hindi": """
            के में की है और से को का एक पर हैं ने यह वह कि था थी थे भी नहीं तो ही या हो कर लिए इस उस जो किया गया साथ
            अपने अपनी क्या कौन कहाँ कहां कब कैसे क्यों कितने कितना किस किसने द्वारा बाद तक हुआ हुई होता जब इसके उनके कुछ
            कोई मैं हम आप बहुत""",
        "hungarian": """
            a az és hogy nem is egy ez van volt meg de csak el ki mi mit hol mikor hogyan miért melyik mint már még ha
            vagy azt ezt amely aki ami akik amelyek be fel le vagyok lesz kell lehet volna sem után előtt között alatt
            pedig minden nagyon így úgy ő ők én mert majd itt ott voltak""",
        "indonesian": """
            yang dan di dari ini dengan untuk pada dalam itu tidak adalah ke oleh akan sebagai juga ia dia mereka kami
            kita saya anda atau karena ada bisa dapat telah sudah lebih antara setelah sebelum seperti apa siapa mana
            kapan bagaimana mengapa berapa namun secara hanya para serta tersebut bahwa saat menjadi""",
        "irish": """
            an na agus a ar i is go ag tá bhí le de do sé sí siad sa san as ó nach ní níl atá mar seo sin don leis faoi
            chun gur ach cad cé cá conas cathain fáth raibh bheith aon gach mé tú muid sibh nó idir roimh tar éis ina
            den um eile""",
        "italian": """
            di e il la che in a per un è del non della le i da una si con dei nel sono al come alla più l d anche lo gli
            ha delle ma dell nella o su dal era suo sua loro questo questa stato essere fu c all ed ai dalla cui chi
            cosa dove quando perché quale quali quanto tra fra dopo prima molto io noi hanno sul sulla degli""",
        "lithuanian": """
            ir į yra kad iš su ne buvo tai jis ji jie o kaip ar bet per už nuo prie tik jo jos jų savo kas ką kur kada
            kodėl kuris kuri kurie kurių kokia koks kiek apie po dar jau taip pat ši šis šio šie tarp būti gali mes aš
            jūs arba nes dėl iki labai prieš""",
        "nepali": """
            र को मा छ का ले लाई छन् हो पनि यो त्यो भने एक हरू गर्न गरेको थियो थिए भएको भन्ने तथा वा गरी गर्ने बाट लागि
            हुन हुन्छ छैन के कसरी किन कहाँ कहिले कति कुन कसले तर अनि साथ सबै उनी उनले म हामी तपाईं आफ्नो पछि सम्म मात्र
            धेरै""",
        "norwegian": """
            og i det er en å til på som for at av med de har den ikke et om han hun var fra jeg vi men seg så kan eller
            ble ut opp blir hva hvor hvem når hvordan hvorfor hvilken også etter ved skal vil hadde sin hans hennes
            under over nå bare dette denne disse mye være mellom noe mot""",
        "persian": """
            و در به از که این را با است برای آن یک تا بر خود می ها های بود شد شده کرد هم اما یا نیز کند کرده او ما من
            شما آنها باید هر چه کی کجا چرا چگونه کدام چند نیست بین پس پیش اگر باشد دارد داشت بودند شود همه وی""",
        "polish": """
            w i na z się nie do to że jest o jak a za po od przez co ale tak dla są oraz był była było już tylko który
            która które jego jej ich kto gdzie kiedy dlaczego czy jaki jaka jakie ze by przy przed między może być tym
            tego lub pod bardzo ten ta te jako także we""",
        "portuguese": """
            de a o que e do da em um para é com não uma os no se na por mais as dos como mas foi ao ele das tem à seu
            sua ou ser quando muito há nos já está eu também só pelo pela até isso ela entre era depois sem mesmo aos
            seus quem onde qual quais porque quanto são às essa este esta foram você""",
        "romanian": """
            și de în la a cu pe din care o că nu este un mai se pentru au să fost sunt al ai ale lui ei ca sau prin dar
            după între era această acest acestea ce cine unde când cum cât câte despre lor fi l s i îi îl iar ea el eu
            noi voi foarte doar până fără ar unei unui""",
        "russian": """
            и в не на с что по как а из к у за от то он она они это но его для я мы вы ее их так же все бы был была было
            были или о при до быть который которая которые кто где когда почему какой какая какие сколько чем после
            между уже только если также ли со во может ещё еще том этот эта""",
        "serbian": """
            i je u da se na su za od sa o a ne kao koji koja koje ili iz do ali bio bila bilo što šta ko gde kada kako
            zašto nije po ovo taj ta to njegov njihov kod još samo pre posle između biti već će sam smo bi jer và и је у
            да се на су за од са о а не као који која које или из до али био била било што шта ко где када како зашто
            није по ово тај та то још само пре после између бити већ ће сам смо би јер""",
        "sesotho": """
            ho le ka ya ke e a o ba tsa wa mo sa ha re di se la bo hore ne na fela empa kapa tse yo yeo eo bona yona
            tsona mme eng mang kae neng jwang hobane kgotsa jwalo haeba ntle hona teng hape""",
        "spanish": """
            de la que el en y a los del se las por un para con no una su al lo como más pero sus le es o este sí porque
            esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante fue era son ha han
            ser está qué quién cuál cuáles dónde cuándo cómo cuánto cuántos ya ni yo él ella ellos ese esa eso fueron
            estos tras""",
        "swedish": """
            och i att det som en på är av för med den till de inte har om ett han hon var jag vi men sig från så kan
            eller hade blev vid ska skulle vad vem när hur varför vilken vilket också efter under över nu bara detta
            denna dessa mycket vara blir mellan mot än sin hans hennes ut upp någon""",
        "tamil": """
            மற்றும் ஒரு இந்த என்று என அந்த உள்ள இது அது அவர் அவர்கள் நான் நாம் நீங்கள் இல்லை மேலும் ஆகும் என்ற கொண்ட
            மீது பின்னர் முன் வரை போன்ற அல்லது ஆனால் யார் என்ன எங்கே எப்போது எப்படி ஏன் எந்த எத்தனை இருந்து இருந்தது
            உள்ளது தனது இதன் பல சில""",
        "turkish": """
            ve bir bu da de için ile o olarak çok daha gibi olan en var ne kadar ama sonra kim nerede zaman nasıl neden
            hangi kaç mi mı mu mü ise her ya veya değil ki ben sen biz siz onlar onun tarafından oldu olduğu olduğunu
            idi önce göre şu hem yok üzerinde arasında ancak""",
        "yiddish": """
            און די דער אין איז פון דאס צו מיט אַז ניט נישט אויף א אַ זיך ער זי עס מען האט האָט זײַן זיין איך מיר זיי פאר
            פאַר ווי וואס וואָס ווער וואו ווען פארוואס וועלכע ביי נאך נאָך אויך אבער אָבער אדער אָדער געווען האבן האָבן
            דעם אז פֿון פֿאַר""",
    }.items()
}
"""The commonest words of each language that Snowball has stems for: they tell a language, and say little in a query."""

# Not for telling a language: what programs are made of too, and single letters, which name variables.
_IN_CODE = {*"abcdefghijklmnopqrstuvwxyz"}.union(
    words("""
        all and as assert break by case class continue def del do else end except finally for from global if import in
        is lambda let match new not on or pass raise return select self that then this to try use var where while with
        yield"""),
)
_TELLING = {language: common - _IN_CODE for language, common in COMMONEST.items()}


def languages() -> list[str]:
    """The languages of which stems can be had, by name: those that the installed PyStemmer has.

    Raises:
        MissingExtra: PyStemmer is not installed.
    """
    known = _stemming().algorithms()
    return [language for language in COMMONEST if language in known]


def told_language(texts: Sequence[str]) -> str | None:
    """Tell the language that a collection is in, from the commonest words in its texts.

    `None` where no language is clear, as `heard_language` says, or the language is none of `languages`.
    """
    language = heard_language(texts)
    return language if language is not None and language in languages() else None


def heard_language(texts: Sequence[str]) -> str | None:
    """The language that texts are in, whether or not its stems can be had.

    `None` where no language is clear: there are few such words, as in code and in tables, or too many of another
    language beside them, as in a mixed collection.
    """
    some = Random(0).sample(texts, min(_SAMPLED, len(texts)))  # noqa: S311 - always the same ones, from everywhere
    counts = Counter(word for text in some for word in words(text[:_BEGINNING]))

    def heard(common: frozenset[str]) -> int:
        return sum(counts[word] for word in common)

    language = max(_TELLING, key=lambda each: heard(_TELLING[each]))
    own = _TELLING[language]
    others = max(heard(other - own) for other in _TELLING.values())
    clear = (
        len(own & counts.keys()) >= _LEAST
        and heard(own) >= _SHARE * counts.total()
        and others <= 1 + _OTHERS * heard(own)  # neighbours share their words: only those count that the language lacks
    )
    return language if clear else None


def is_in_another(text: str, language: str) -> bool:
    """Whether a text is clearly in another language than this one: it has few of its common words, and many of another.

    Short texts of neighbours are easily taken for each other, so that what a language is heard as is not enough.
    """
    other = heard_language([text])
    found = Counter(words(text[:_BEGINNING]))
    own = sum(found[word] for word in _TELLING[language])
    return other is not None and own <= _FEW * sum(found[word] for word in _TELLING[other])


def stems(language: str, every: Sequence[str]) -> list[str]:
    """The stems of words of one of `languages`.

    Raises:
        MissingExtra: PyStemmer is not installed.
    """
    found: list[str] = _stemming().Stemmer(language, 0).stemWords(list(every))  # one cannot be shared by threads
    return found


def _stemming() -> Any:
    return optional("Stemmer", extra="bm25", why="BM25 with stems")
