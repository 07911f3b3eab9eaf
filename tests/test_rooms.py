"""A room imports only from rooms below it (see docs/architecture.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import dedup

ROOT = Path(str(dedup.__file__)).parent
#: From the top; a name may stand for a module or a folder.
ROOMS = ["cli", "supervisor", "api", "client", "service", "batch", "store", "cluster", "vectors", "sketch", "text"]


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "dedup" and parts[1] in ROOMS else None


def imported(path: Path) -> set[str]:
    """Modules that a file imports anywhere, but for those that only the type checker sees."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            found.update([node.module, *(f"{node.module}.{name.name}" for name in node.names)])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text(encoding="utf-8")))
    return found


def test_a_room_imports_only_from_rooms_below_it() -> None:
    wrong = []
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] in ROOMS:
            for module in imported(path):
                room = room_of(module)
                if room and ROOMS.index(room) < ROOMS.index(parts[0]):
                    wrong.append(f"{'/'.join(parts)} imports {module}")
    assert not wrong
