"""The factor graph behind the labels of the face twin: causes, loadings, and a few rules.

An attribute's score is a weighted sum of the factors and a part of its own, all of mean 0 and
variance 1: score = sum of loading * factor + sqrt(1 - sum of loading**2) * own. It is present if
the score exceeds its threshold and the rules allow it. A factor, or an own part, of identity share
s is sqrt(s) * (a number of the person) + sqrt(1 - s) * (a number of the picture). The loadings are
fitted to CelebA's published rates and correlations.
"""

from __future__ import annotations

import math
from types import MappingProxyType

import torch
from torch import Tensor

from mtattr.twins.faces.attributes import INDEX, NAMES

#: Factor -> identity share, 1 = the same in all pictures of a person, 0 = drawn anew for each. High
#: values mean: male, old, made up, smiling, bearded, heavy, large-featured, light-haired,
#: wavy-haired, even-featured, formal.
FACTORS: dict[str, float] = {
    "gender": 1.0,
    "age": 0.9,
    "styling": 0.5,
    "expression": 0.1,
    "facial_hair": 0.75,
    "weight": 0.9,
    "features": 0.95,
    "hair_tone": 0.85,
    "hair_form": 0.5,
    "beauty": 0.9,
    "formality": 0.1,
}

#: Gender has two values, of mean 0 and variance 1 at the published rate of Male: a normal number
#: above the first one gives the second (Male), any other the third.
GENDER = (0.204, 1.1766, -0.8499)

# Name | threshold | identity share of the own part | loadings
_TABLE = """
5_o_Clock_Shadow    |  1.196 | 0.3  | gender .57, facial_hair .54
Arched_Eyebrows     |  0.658 | 0.7  | gender -.60, styling .37, beauty .11
Attractive          | -0.026 | 0.9  | gender -.49, age -.61, styling .49, weight -.15, beauty .25
Bags_Under_Eyes     |  0.835 | 0.6  | gender .38, age .28, expression .10, features .58
Bald                |  1.987 | 1    | gender .59, age .42, weight .14
Bangs               |  1.035 | 0.4  | gender -.25, age -.15, hair_form -.10
Big_Lips            |  0.706 | 0.95 | gender -.15, age -.10, styling .25, features .25
Big_Nose            |  0.738 | 0.95 | gender .49, age .24, weight .25, features .58
Black_Hair          |  0.590 | 0.8  | age -.12, hair_tone -.81
Blond_Hair          |  0.900 | 0.8  | gender -.34, styling .15, hair_tone .75
Blurry              |  1.633 | 0    |
Brown_Hair          |  0.625 | 0.8  | gender -.15, age -.16, hair_tone .10
Bushy_Eyebrows      |  1.066 | 0.9  | gender .35, age -.10, features .25, hair_tone -.20
Chubby              |  1.584 | 0.8  | gender .27, age .19, weight .89
Double_Chin         |  1.695 | 0.6  | gender .23, age .32, weight .85
Eyeglasses          |  1.525 | 0.5  | gender .30, age .35
Goatee              |  1.546 | 0.5  | gender .61, facial_hair .67
Gray_Hair           |  1.532 | 0.9  | gender .21, age .93
Heavy_Makeup        |  0.489 | 0.2  | gender -.84, age -.06, styling .51
High_Cheekbones     |  0.125 | 0.8  | gender -.43, styling .20, expression .83
Male                |  0     | 1    | gender 1
Mouth_Slightly_Open |  0.045 | 0    | expression .78
Mustache            |  1.774 | 0.5  | gender .59, age .15, facial_hair .67
Narrow_Eyes         |  1.197 | 0.7  | expression .20
No_Beard            | -0.775 | 0.5  | gender -.44, facial_hair -.88
Oval_Face           |  0.575 | 0.95 | gender -.10, expression .20, weight -.15, beauty .30
Pale_Skin           |  1.733 | 0.7  | age -.10, styling .10, hair_tone .30
Pointy_Nose         |  0.595 | 0.95 | gender -.30, styling .20, features -.20, beauty .20
Receding_Hairline   |  1.307 | 0.9  | gender .25, age .45
Rosy_Cheeks         |  1.520 | 0.2  | gender -.40, styling .40, expression .25
Sideburns           |  1.607 | 0.6  | gender .60, facial_hair .72
Smiling             |  0.050 | 0    | gender -.21, expression .96
Straight_Hair       |  0.710 | 0.5  | hair_form -.50
Wavy_Hair           |  0.394 | 0.5  | gender -.35, styling .20, hair_form .50
Wearing_Earrings    |  0.926 | 0.1  | gender -.66, styling .36
Wearing_Hat         |  1.662 | 0.1  | gender .25, formality -.50
Wearing_Lipstick    |  0.290 | 0.2  | gender -.86, styling .49
Wearing_Necklace    |  1.179 | 0.1  | gender -.40, styling .30
Wearing_Necktie     |  1.501 | 0.1  | gender .73, age .30, formality .54
Young               | -0.770 | 0.9  | age -.95, weight -.15, beauty .24
"""


def _read(table: str) -> dict[str, tuple[float, float, dict[str, float]]]:
    rows = {}
    for line in table.strip().splitlines():
        name, threshold, share, loadings = (cell.strip() for cell in line.split("|"))
        pairs = (pair.split() for pair in loadings.split(",") if pair)
        rows[name] = (
            float(threshold),
            float(share),
            {factor: float(loading) for factor, loading in pairs},
        )
    return {name: rows[name] for name in NAMES}


_ROWS = _read(_TABLE)
#: Attribute -> {factor: loading in [-1, 1]}, factors that do not matter left out.
LOADINGS = MappingProxyType(
    {name: MappingProxyType(loadings) for name, (_, _, loadings) in _ROWS.items()}
)
#: Attribute -> the score above which it is present.
THRESHOLDS: dict[str, float] = {name: threshold for name, (threshold, _, _) in _ROWS.items()}
#: Attribute -> identity share of its own part.
OWN_SHARES: dict[str, float] = {name: share for name, (_, share, _) in _ROWS.items()}
#: Attribute -> weight of its own part in its score.
OWN_WEIGHTS: dict[str, float] = {
    name: math.sqrt(max(0.0, 1 - sum(loading * loading for loading in loadings.values())))
    for name, loadings in LOADINGS.items()
}

BEARD_KINDS = ("5_o_Clock_Shadow", "Goatee", "Mustache", "Sideburns")
HAIR_COLOURS = ("Black_Hair", "Blond_Hair", "Brown_Hair", "Gray_Hair")
HAIR_FORMS = ("Straight_Hair", "Wavy_Hair")
#: Of several colours (forms) above their thresholds the one that exceeds its own most stays, and so
#: does one behind it by less.
COLOUR_MARGIN, FORM_MARGIN = 0.075, 0.065


def factor_of(attribute: str, at_least: float = 0.3) -> str | None:
    """The factor that an attribute follows most, or None if no loading reaches `at_least`."""
    factor, loading = max(
        LOADINGS[attribute].items(), key=lambda pair: abs(pair[1]), default=(None, 0.0)
    )
    return factor if abs(loading) >= at_least else None


def loading_table() -> Tensor:
    """Loadings as float64 (40, F): attributes in official order, factors as in `FACTORS`."""
    return torch.tensor(
        [[LOADINGS[name].get(factor, 0.0) for factor in FACTORS] for name in NAMES],
        dtype=torch.float64,
    )


def present_attributes(factors: Tensor, own: Tensor) -> Tensor:
    """Attributes, bool (N, 40), from factors float64 (N, F) and own parts float64 (N, 40)."""
    excess = torch.stack([_score(name, factors, own) - THRESHOLDS[name] for name in NAMES], 1)
    present = excess > 0
    _apply_rules(present, excess)
    return present


def _score(name: str, factors: Tensor, own: Tensor) -> Tensor:
    # One product and one sum at a time, never a matrix product: its order of summation is the
    # machine's choice.
    score = OWN_WEIGHTS[name] * own[:, INDEX[name]]
    for column, factor in enumerate(FACTORS):
        if factor in LOADINGS[name]:
            score = score + LOADINGS[name][factor] * factors[:, column]
    return score


def _apply_rules(present: Tensor, excess: Tensor) -> None:
    """Logic, in place: only men grow beards, the bald have no hair, hair has one colour."""
    male, bald = present[:, INDEX["Male"]], present[:, INDEX["Bald"]]
    for name in BEARD_KINDS:
        present[:, INDEX[name]] &= male
    present[:, INDEX["No_Beard"]] |= ~male
    bald &= ~present[:, INDEX["Wearing_Hat"]]
    for name in (*HAIR_COLOURS, *HAIR_FORMS, "Bangs", "Receding_Hairline"):
        present[:, INDEX[name]] &= ~bald
    present[:, INDEX["Receding_Hairline"]] &= ~present[:, INDEX["Bangs"]]
    for names, margin in ((HAIR_COLOURS, COLOUR_MARGIN), (HAIR_FORMS, FORM_MARGIN)):
        columns = [INDEX[name] for name in names]
        most = excess[:, columns].amax(1, keepdim=True)
        present[:, columns] &= excess[:, columns] > most - margin
