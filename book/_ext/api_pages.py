"""The directives `{api}`, the reference of packages, and `{commands}`, help of the command line.

Modules are found, not listed, so that a new file appears in the book by itself. Docstrings of the
library are plain prose with `code` in single backticks, turned into reStructuredText here.
"""

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterable, Iterator

import click
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util.docutils import SphinxDirective

CODE = re.compile(r"(``.+?``|:[a-z:]+:`[^`]+`|`[^`]+`)")


def public_modules(name: str) -> list[str]:
    """Names of the module and of all public modules below it, sorted; none if it does not exist."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        return []
    below = pkgutil.walk_packages(spec.submodule_search_locations or [], f"{name}.")
    return [
        name,
        *sorted(
            m.name for m in below if not any(part.startswith("_") for part in m.name.split("."))
        ),
    ]


class ApiDirective(SphinxDirective):
    """The modules of the packages given."""

    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        lines: list[str] = []
        for name in self.arguments[0].split():
            if not (modules := public_modules(name)):
                raise self.error(f"there is no module {name}")
            lines += self.reference(modules)
        box = nodes.Element()
        self.state.nested_parse(
            StringList(lines, source=self.env.docname), self.content_offset, box, match_titles=True
        )
        return box.children

    def reference(self, modules: Iterable[str]) -> list[str]:
        lines: list[str] = []
        for module in modules:
            lines += [
                f"## {module}",
                "",
                "```{eval-rst}",
                f".. automodule:: {module}",
                "   :ignore-module-all:",
                "```",
                "",
            ]
        return lines


class CommandsDirective(SphinxDirective):
    """The help text of every command below a click group given as `module:name`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        module, name = self.arguments[0].split(":")
        group = getattr(importlib.import_module(module), name)
        lines: list[str] = []
        for path, command in commands(group, ("mtattr",)):
            help_text = command.get_help(
                click.Context(command, info_name=" ".join(path), max_content_width=72)
            )
            lines += [f"## {' '.join(path)}", "", "```text", *help_text.splitlines(), "```", ""]
        box = nodes.Element()
        self.state.nested_parse(
            StringList(lines, source=self.env.docname), self.content_offset, box, match_titles=True
        )
        return box.children


def commands(
    command: click.Command, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """All commands that do something, with the words that call them, in alphabetical order."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    for name in sorted(command.commands):
        yield from commands(command.commands[name], (*path, name))


def to_restructured_text(line: str) -> str:
    """Double single backticks and escape the marks that reStructuredText would take for markup."""
    if line.lstrip().startswith((">>>", "...", ".. ", ":param", ":return", ":raises")):
        return line
    parts = CODE.split(line)
    for i, part in enumerate(parts):
        if i % 2:
            parts[i] = part if part.startswith((":", "``")) else f"`{part}`"
        else:
            bullet = re.match(r"\s*[*-] ", part) if i == 0 else None
            start = bullet.end() if bullet else 0
            parts[i] = part[:start] + re.sub(r"([*|]|(?<=\w)_(?!\w))", r"\\\1", part[start:])
        if i % 2 and i + 1 < len(parts) and re.match(r"\w", parts[i + 1]):
            parts[i] += r"\ "
    return "".join(parts)


def rewrite_docstring(app: Sphinx, what: str, name: str, obj, options, lines: list[str]) -> None:
    lines[:] = [to_restructured_text(line) for line in lines]
    # In the docstring of an attribute or property, what stands before a colon is no type.
    if what not in ("attribute", "data", "property"):
        sections = GoogleDocstring(lines, Config(), app, what, name, obj, options)
        lines[:] = sections.lines()


def setup(app: Sphinx) -> dict:
    app.add_directive("api", ApiDirective)
    app.add_directive("commands", CommandsDirective)
    app.connect("autodoc-process-docstring", rewrite_docstring, priority=400)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
