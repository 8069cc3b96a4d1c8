"""Write `tests/public_api.txt`: every public name and how it is called, and every command. `make api` runs it.

With `--check` it writes nothing, shows what differs, and fails if anything does.

The code is read, not run, so that the same lines come out in every version of Python. Public is what a package names in
`__all__`; of a class, what it and those of its bases that are ours define. Each is described once, where it is defined.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from difflib import unified_diff
from itertools import dropwhile
from pathlib import Path
from typing import Any

import griffe
from typer.main import get_command

from rerank_kit.cli.app import app

ROOT = Path(__file__).parent.parent
FILE = ROOT / "tests" / "public_api.txt"
PACKAGES = ("rerank_kit", "langchain_rerank_kit", "llama_rerank_kit")
CALLED = {"__init__", "__call__"}
SELF = {"self", "cls"}
LONG = 100  # characters of a value
CONFIGURATION = "model_config"  # pydantic's, which is no field


def public_api() -> str:
    """The lines of the file."""
    loader = griffe.GriffeLoader(search_paths=[ROOT], allow_inspection=False)
    for package in PACKAGES:
        loader.load(package)
    loader.resolve_aliases(implicit=True, external=False)
    modules = list(_packages(loader.modules_collection))
    names = {module.path: [str(each) for each in module.exports or []] for module in modules}
    found = [module[each] for module in modules for each in names[module.path]]
    described = {each.path: "\n".join(_described(each)) for each in _with_what_they_stand_on(found)}
    exported = [f"{path}: {', '.join(sorted(each))}" for path, each in sorted(names.items())]
    return "\n".join([*exported, "", *(described[path] for path in sorted(described)), "", *_commands(), ""])


def _commands() -> Iterator[str]:
    """Every command with its arguments and options, as they are typed."""
    commands: dict[str, Any] = vars(get_command(app))["commands"]
    for name, command in sorted(commands.items()):
        options = [" ".join([*each.opts, *each.secondary_opts]) for each in command.params]
        arguments = [each.upper() for each in options if not each.startswith("-")]
        yield f"rerank-kit {name} {' '.join(arguments)}".rstrip()
        yield from (f"    {each}" for each in sorted(options) if each.startswith("-"))


def _packages(modules: griffe.ModulesCollection) -> Iterator[griffe.Module]:
    waiting = [modules[each] for each in PACKAGES]
    for module in waiting:
        if module.exports:
            yield module
        waiting += [each for each in module.modules.values() if not each.is_alias and each.is_init_module]


def _with_what_they_stand_on(found: list[Any]) -> list[griffe.Object]:
    """These objects without a second name, their bases, and the options that they are called with."""
    every: dict[str, griffe.Object] = {}
    waiting = [_itself(each) for each in found]
    for each in waiting:
        if each.path in every or each.is_module:
            continue
        every[each.path] = each
        if isinstance(each, griffe.Class):
            waiting += [_itself(base) for base in each.resolved_bases]
        if isinstance(each, griffe.Class | griffe.Function):
            waiting += _options(each)
    return list(every.values())


def _itself(found: Any) -> griffe.Object:
    """What a name stands for, however often it was imported."""
    itself: griffe.Object = found.final_target if found.is_alias else found
    return itself


def _options(called: griffe.Class | griffe.Function) -> Iterator[griffe.Object]:
    """The typed dictionaries of `**options: Unpack[Options]`, if there are any."""
    for parameter in called.parameters:
        if isinstance(parameter.annotation, griffe.ExprSubscript) and str(parameter.annotation.left) == "Unpack":
            options = parameter.annotation.slice
            if isinstance(options, griffe.Expr):
                yield _itself(called.modules_collection[options.canonical_path])


def _described(thing: griffe.Object) -> Iterator[str]:
    if isinstance(thing, griffe.Function):
        yield from _signatures(thing.path, thing)
    elif isinstance(thing, griffe.Attribute):
        yield _valued(thing.path, thing)
    elif isinstance(thing, griffe.Class):
        yield f"class {thing.path}({', '.join(str(base) for base in thing.bases)})"
        for name, member in sorted(thing.members.items()):
            if name == CONFIGURATION or (name.startswith("_") and name not in CALLED):
                continue
            if isinstance(member, griffe.Function):
                kinds = [kind for kind in ("classmethod", "staticmethod") if kind in member.labels]
                yield from (f"    {' '.join([*kinds, each])}" for each in _signatures(name, member))
            elif isinstance(member, griffe.Attribute):
                yield "    " + _valued(name, member)
            elif isinstance(member, griffe.Class):
                yield f"    class {name}"


def _signatures(name: str, function: griffe.Function) -> Iterator[str]:
    yield from (_called(name, each) for each in function.overloads or [function])


def _called(name: str, function: griffe.Function) -> str:
    answer = "" if function.returns is None else f" -> {function.returns}"
    waits = "async " if "async" in function.labels else ""
    return f"{waits}{name}({', '.join(_parameters(function))}){answer}"


def _parameters(function: griffe.Function) -> Iterator[str]:
    """Each as it is written, with `*` and `/` between those of different kinds."""
    kinds = griffe.ParameterKind
    before: griffe.ParameterKind | None = None
    for each in dropwhile(lambda parameter: parameter.name in SELF, function.parameters):
        if before is kinds.positional_only and each.kind is not kinds.positional_only:
            yield "/"
        if each.kind is kinds.keyword_only and before not in {kinds.keyword_only, kinds.var_positional}:
            yield "*"
        before = each.kind
        stars = {kinds.var_positional: "*", kinds.var_keyword: "**"}.get(each.kind, "")
        kind = "" if each.annotation is None else f": {each.annotation}"
        yield f"{stars}{each.name}{kind}" + (f" = {each.default}" if each.default is not None and not stars else "")
    if before is kinds.positional_only:
        yield "/"


def _valued(name: str, attribute: griffe.Attribute) -> str:
    kind = "" if attribute.annotation is None else f": {attribute.annotation}"
    return f"{name}{kind}" + (" (property)" if "property" in attribute.labels else _default(attribute))


def _default(attribute: griffe.Attribute) -> str:
    """The value, if it is short: a field's without what only describes it, and none of what `__init__` sets."""
    value = attribute.value
    if isinstance(value, griffe.ExprCall):
        arguments = {each.name: str(each.value) for each in value.arguments if isinstance(each, griffe.ExprKeyword)}
        arguments.pop("description", None)
        value = f"{value.function}({', '.join(f'{name}={each}' for name, each in arguments.items())})"
    shown = "instance-attribute" not in attribute.labels or "class-attribute" in attribute.labels
    return f" = {value}" if shown and value is not None and len(str(value)) <= LONG else ""


def main() -> int:
    """Write the file, or compare."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, nargs="?", default=FILE)
    parser.add_argument("--check", action="store_true")
    given = parser.parse_args()
    now = public_api()
    if not given.check:
        given.file.write_text(now, "utf-8")
        return 0
    known = given.file.read_text("utf-8")
    sys.stdout.writelines(
        unified_diff(known.splitlines(keepends=True), now.splitlines(keepends=True), "before", "now", n=0)
    )
    if known != now:
        sys.stdout.write(
            "What users call is not what it was. If that is meant: `make api`, and a line in CHANGELOG.md.\n"
        )
    return int(known != now)


if __name__ == "__main__":
    sys.exit(main())
