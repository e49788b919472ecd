"""Keep pages free of scripts that would fetch code from another machine.

The book is read without a network. Jupyter Book always adds sphinx-thebe, whose script names a
content network; the book offers no code that runs inside the page, so the script goes.
"""

from sphinx.application import Sphinx


def drop_remote_scripts(
    app: Sphinx, pagename: str, templatename: str, context: dict, doctree
) -> None:
    def is_local(script) -> bool:
        body = getattr(script, "attributes", {}).get("body", "")
        text = f"{getattr(script, 'filename', script)} {body}"
        return "thebe" not in text.lower() and "://" not in text

    if "script_files" in context:
        context["script_files"] = [script for script in context["script_files"] if is_local(script)]


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", drop_remote_scripts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
