"""`python -m mtattr.cli` is the command `mtattr`."""

import sys

from mtattr.cli import main

if __name__ == "__main__":
    sys.exit(main())
