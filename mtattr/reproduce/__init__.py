"""Notebooks as runs: pairs, the matrix of runs, one process per run, and the book of their outputs.

Nothing here imports the notebook stack (papermill, nbformat, jupytext) until a function needs it.
"""

from mtattr.reproduce.matrix import NotebookRun, expand, shard
from mtattr.reproduce.notebooks import Cell, cells, changed_sides, pair_problems, write_notebook
from mtattr.reproduce.project import Project, find_project
from mtattr.reproduce.runner import Outcome, reproduce
from mtattr.reproduce.stage import build_book, stage_book

__all__ = [
    "Cell",
    "NotebookRun",
    "Outcome",
    "Project",
    "build_book",
    "cells",
    "changed_sides",
    "expand",
    "find_project",
    "pair_problems",
    "reproduce",
    "shard",
    "stage_book",
    "write_notebook",
]
