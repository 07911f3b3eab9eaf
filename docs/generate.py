"""Writes the pages that say what the code says: ``python -m docs.generate``; ``--check`` only compares.

- ``config/dedup.toml`` and ``docs/settings.md`` from :mod:`dedup.settings`;
- ``docs/cli.md`` from the command line's own help;
- ``docs/http.md`` from the OpenAPI document of the API;
- ``docs/keys.md`` from :mod:`dedup.store.keys`.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from pydantic import BaseModel

from dedup.cli import main
from dedup.settings import Settings
from dedup.store import access

ROOT = Path(__file__).resolve().parent.parent
NOTE = "Generated from the code by `make docs`; edit the code instead."


def sections() -> Iterator[tuple[str, type[BaseModel] | None]]:
    """Yield the names of the settings' sections; the top level has the name ``""``."""
    yield "", None
    for name, info in Settings.model_fields.items():
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield name, kind


def _rows(section: type[BaseModel] | None) -> Iterator[tuple[str, Any, str]]:
    for name, info in (section or Settings).model_fields.items():
        if section is None and isinstance(info.default, BaseModel):
            continue
        yield name, info.default, info.description or ""


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value)


def settings_file() -> str:
    """Return the commented settings file: every setting with its default, commented out."""
    lines = [f"# {NOTE}", "# Every setting with its default.  Uncomment what you change; the file is read by", "#"]
    lines += ["#   dedup --config dedup.toml ...        or DEDUP_CONFIG=dedup.toml", "#"]
    lines += ["# An environment variable wins over this file: DEDUP_STORE__URL sets [store] url.", ""]
    for name, section in sections():
        if name:
            lines += [f"[{name}]", f"# {(section.__doc__ or '').strip().splitlines()[0]}" if section else ""]
        for key, default, text in _rows(section):
            lines.append(f"# {text}")
            lines.append(f"# {key} = {'' if default is None else _toml(default)}".rstrip())
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def settings_page() -> str:
    """Return the reference page of the settings."""
    lines = ["# Settings", "", f"*{NOTE}*", "", (sys.modules["dedup.settings"].__doc__ or "").strip(), ""]
    for name, section in sections():
        lines += [f"## `[{name}]`" if name else "## Top level", ""]
        if section and section.__doc__:
            lines += [section.__doc__.strip().splitlines()[0], ""]
        lines += ["| setting | default | meaning |", "| --- | --- | --- |"]
        for key, default, text in _rows(section):
            lines.append(f"| `{key}` | {'' if default is None else f'`{_toml(default)}`'} | {text} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def cli_page() -> str:
    """Return the reference page of the command line."""
    lines = ["# Command line", "", f"*{NOTE}*", ""]
    lines += list(_command(main, "dedup", None))
    return "\n".join(lines).rstrip() + "\n"


def _command(command: click.Command, name: str, parent: click.Context | None) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent, terminal_width=100, max_content_width=100)
    path = context.command_path
    yield from ("#" * min(4, path.count(" ") + 2) + f" `{path}`", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            if found is not None:
                yield from _command(found, child, context)


def http_page() -> str:
    """Return the reference page of the HTTP API, from its OpenAPI document."""
    from dedup.api.app import create_app

    document = create_app(Settings()).openapi()
    lines = ["# HTTP API", "", f"*{NOTE}*", "", document["info"]["description"].strip(), ""]
    lines += ["The same as a document for machines: `GET /openapi.json`.", ""]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines += list(_operation(method.upper(), path, operation, document))
    return "\n".join(lines).rstrip() + "\n"


def _operation(method: str, path: str, operation: dict[str, Any], document: dict[str, Any]) -> Iterator[str]:
    yield from (
        f"## `{method} {path}`",
        "",
        (operation.get("description") or operation.get("summary") or "").strip(),
        "",
    )
    parameters = [_resolved(item, document) for item in operation.get("parameters", [])]
    if parameters:
        yield from ("| parameter | in | type | meaning |", "| --- | --- | --- | --- |")
        for item in parameters:
            meaning = " ".join(item.get("description", "").split())
            needed = " (required)" if item.get("required") else ""
            yield f"| `{item['name']}` | {item['in']} | {_type(item.get('schema', {}))}{needed} | {meaning} |"
        yield ""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        yield from (f"Body, `{kind}`: {_type(content.get('schema', {}))}", "")
    yield from ("| answer | meaning |", "| --- | --- |")
    for status, answer in operation["responses"].items():
        yield f"| {status} | {' '.join(_resolved(answer, document).get('description', '').split())} |"
    yield ""


def _resolved(item: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in item:
        return item
    found: Any = document
    for part in item["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(_type(part) for part in schema[key] if part.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return str(schema.get("format") or schema.get("type", "anything"))


def keys_page() -> str:
    """Return the table of the store's keys: the comments and docstrings of the module that spells them."""
    source = (ROOT / "dedup" / "store" / "keys.py").read_text(encoding="utf-8")
    tree = ast.parse(source)
    lines = ["# Keys of the store", "", f"*{NOTE}*", "", ast.get_docstring(tree) or "", ""]
    lines += ["| key | type and what it holds |", "| --- | --- |"]
    constant = re.compile(r'^[A-Z_]+ = f"\{TAG\}(?P<key>[^"]*)"\s+#\s*(?P<text>.*)$', re.MULTILINE)
    for match in constant.finditer(source):
        lines.append(f"| `{{d}}{match['key']}` | {' '.join(match['text'].split())} |")
    for node in tree.body:
        text = ast.get_docstring(node) if isinstance(node, ast.FunctionDef) else None
        key = re.search(r'f"\{TAG\}(:[^"]*)"', ast.get_source_segment(source, node) or "")
        if text and key:
            shown = re.sub(r"\{[^{}]*?(\w+)[^{}]*\}", lambda m: m[1].upper(), key[1])
            lines.append(f"| `{{d}}{shown}` | {' '.join(text.split()).replace('|', chr(92) + '|')} |")
    lines += ["", "API keys, sessions and rate limits have a tag of their own: the index is written without them.", ""]
    lines += ["| key | type and what it holds |", "| --- | --- |"]
    row = re.compile(r"^``(\{access\}\S*)``\s+(\w+)\s+(.+)$", re.MULTILINE)
    for key, kind, text in row.findall(access.__doc__ or ""):
        lines.append(f"| `{key}` | {kind.upper()} {text.replace('``', '`')} |")
    return "\n".join(lines).rstrip() + "\n"


def pages() -> dict[str, str]:
    """Return every generated page by its path from the root of the repository."""
    return {
        "config/dedup.toml": settings_file(),
        "docs/settings.md": settings_page(),
        "docs/cli.md": cli_page(),
        "docs/http.md": http_page(),
        "docs/keys.md": keys_page(),
    }


def run(check: bool) -> int:
    """Write the pages, or compare them; return the number that differ."""
    stale = 0
    for path, text in pages().items():
        target = ROOT / path
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        print(f"{path}: {'out of date; run make docs' if check else 'written'}")
        if not check:
            target.write_text(text, encoding="utf-8")
    return stale


if __name__ == "__main__":
    only_check = "--check" in sys.argv[1:]
    different = run(only_check)
    sys.exit(bool(different and only_check))
