"""The command line `mtattr`; commands import what they need when they run: help comes at once."""

from __future__ import annotations

import errno
import os
import sys

import click

import mtattr
from mtattr.cli.book import book, notebooks, reproduce
from mtattr.cli.data import data
from mtattr.cli.ledger import ledger
from mtattr.cli.run import run
from mtattr.errors import InputError

__all__ = ["main", "mtattr_command"]

#: Errors of the user's machine rather than of the program.
_MACHINE = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENAMETOOLONG,
}
_NOTEBOOK_STACK = {"papermill", "jupytext", "nbformat", "jupyter_book", "sphinx"}


@click.group(
    name="mtattr",
    context_settings={"help_option_names": ["-h", "--help"]},
    invoke_without_command=True,
    epilog="Exit codes: 0 done, 1 a run failed or a check found a difference, 2 bad input (one "
    "line on stderr), 130 interrupted.",
)
@click.version_option(mtattr.__version__, prog_name="mtattr")
@click.pass_context
def mtattr_command(context: click.Context) -> None:
    """Five papers on multi-task attribute networks, rebuilt, trained, evaluated and judged."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for _command in (run, reproduce, notebooks, book, ledger, data):
    mtattr_command.add_command(_command)


def main(arguments: list[str] | None = None) -> int:
    """Exit code, as the help of `mtattr` lists them."""
    try:
        code = mtattr_command.main(args=arguments, prog_name="mtattr", standalone_mode=False)
    except InputError as error:
        return _complain(str(error))
    except click.ClickException as error:
        return _complain(error.format_message())
    except (KeyboardInterrupt, click.Abort):
        print("mtattr: interrupted", file=sys.stderr)
        return 130
    except ModuleNotFoundError as error:
        if error.name not in _NOTEBOOK_STACK:
            raise
        return _complain(f"this command needs {error.name}: pip install 'mtattr[book]'")
    except BrokenPipeError:
        # The reader (head, less) left; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.errno not in _MACHINE:
            raise
        return _complain(f"{error.filename or 'file'}: {error.strerror}")
    return code if isinstance(code, int) else 0


def _complain(message: str) -> int:
    # Processes that train together meet the same error; one on each machine says it.
    if os.environ.get("LOCAL_RANK", "0") == "0":
        print(f"mtattr: error: {' '.join(message.split())}", file=sys.stderr)
    return 2
