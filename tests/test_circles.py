"""No modules of the library import each other in a circle, directly or through others."""

from __future__ import annotations

import ast
from pathlib import Path

import mtattr

PACKAGE = Path(mtattr.__file__).parent


def sources_of(package: Path) -> dict[str, str]:
    """Module name -> source of every file below a package's folder."""
    sources = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text("utf-8")
    return sources


def imports_of(sources: dict[str, str]) -> dict[str, set[str]]:
    """The graph of imports between the modules: those in functions and under TYPE_CHECKING count too."""
    graph = {}
    for module, source in sources.items():
        named = set()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{module}: relative import in line {node.lineno}"
                parts = {f"{node.module}.{alias.name}" for alias in node.names}
                # A name that is no module of its own is defined in the module that it is imported from.
                named |= {part if part in sources else node.module for part in parts}
        graph[module] = named & sources.keys()
    return graph


def circles_in(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that all reach each other, and modules that import themselves."""

    def reached(start: str) -> set[str]:
        found, waiting = set(), [start]
        while waiting:
            new = graph[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    reach = {module: reached(module) for module in graph}
    return sorted({tuple(sorted(b for b in reach[a] if a in reach[b])) for a in graph if a in reach[a]})


def test_the_library_has_no_import_circle():
    graph = imports_of(sources_of(PACKAGE))
    assert len(graph) > 200
    assert sum(map(len, graph.values())) > 800
    assert circles_in(graph) == []


def test_a_circle_is_found_wherever_its_imports_stand():
    sources = {
        "toy": "from toy.a import one",
        "toy.a": "import os\nfrom toy.b import two\nfrom toy import c",
        "toy.b": "def late():\n    from toy import c",
        "toy.c": "from typing import TYPE_CHECKING\n",
    }
    assert imports_of(sources)["toy.a"] == {"toy.b", "toy.c"}
    assert circles_in(imports_of(sources)) == []
    sources["toy.c"] += "if TYPE_CHECKING:\n    import toy.a"
    assert circles_in(imports_of(sources)) == [("toy.a", "toy.b", "toy.c")]
    assert circles_in({"toy": {"toy"}}) == [("toy",)]
