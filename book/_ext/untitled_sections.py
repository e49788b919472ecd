"""Let sphinx-codeautolink pass sections that have no title.

Its visitor pushes a title when it meets one and pops at the end of every section, so a section
without a title (some directives and notebook fragments make them) ends the build with "pop from
empty list".
"""

from sphinx.application import Sphinx
from sphinx_codeautolink.extension.block import CodeBlockAnalyser


def depart_section(analyser: CodeBlockAnalyser, node) -> None:
    if analyser.title_stack:
        analyser.title_stack.pop()


def setup(app: Sphinx) -> dict:
    CodeBlockAnalyser.depart_section = depart_section
    return {"parallel_read_safe": True, "parallel_write_safe": True}
