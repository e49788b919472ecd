"""The claims on Maeda et al. 2020 as the first edition made them, for tests of how claims are judged."""

from pathlib import Path

FIRST_EDITION = Path(__file__).with_name("first_edition.yaml")
