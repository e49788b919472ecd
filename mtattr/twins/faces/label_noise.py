"""Wrong labels of the face twin: hard questions are judged anew, and any label may slip.

For a share of the pictures the own part of an attribute's score is drawn again, and the labels
follow from the judged scores by the same rules; for `SLIPS` of all labels a guess at the published
rate takes their place. So rates and correlations of the labels stay those of the truth, and more
labels are wrong where the question is a matter of taste.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.attributes import NAMES, TRAIN_RATES
from mtattr.twins.faces.factors import present_attributes

SLIPS = 0.01

# Name | share of the pictures judged anew | share of wrong labels that comes of it, slips included
_TABLE = """
5_o_Clock_Shadow    | 0.240 | 0.031
Arched_Eyebrows     | 0.350 | 0.099
Attractive          | 0.490 | 0.058
Bags_Under_Eyes     | 0.420 | 0.091
Bald                | 0.200 | 0.008
Bangs               | 0.070 | 0.020
Big_Lips            | 0.440 | 0.149
Big_Nose            | 0.490 | 0.095
Black_Hair          | 0.190 | 0.050
Blond_Hair          | 0.120 | 0.028
Blurry              | 0.150 | 0.015
Brown_Hair          | 0.190 | 0.069
Bushy_Eyebrows      | 0.220 | 0.050
Chubby              | 0.490 | 0.020
Double_Chin         | 0.470 | 0.018
Eyeglasses          | 0.026 | 0.004
Goatee              | 0.190 | 0.012
Gray_Hair           | 0.240 | 0.012
Heavy_Makeup        | 0.380 | 0.035
High_Cheekbones     | 0.490 | 0.068
Male                | 0.000 | 0.005
Mouth_Slightly_Open | 0.100 | 0.034
Mustache            | 0.320 | 0.014
Narrow_Eyes         | 0.440 | 0.090
No_Beard            | 0.330 | 0.015
Oval_Face           | 0.430 | 0.160
Pale_Skin           | 0.380 | 0.030
Pointy_Nose         | 0.450 | 0.160
Receding_Hairline   | 0.280 | 0.040
Rosy_Cheeks         | 0.330 | 0.035
Sideburns           | 0.300 | 0.014
Smiling             | 0.240 | 0.025
Straight_Hair       | 0.300 | 0.090
Wavy_Hair           | 0.210 | 0.079
Wearing_Earrings    | 0.210 | 0.050
Wearing_Hat         | 0.036 | 0.004
Wearing_Lipstick    | 0.290 | 0.020
Wearing_Necklace    | 0.300 | 0.060
Wearing_Necktie     | 0.200 | 0.012
Young               | 0.490 | 0.025
"""


def _column(number: int) -> dict[str, float]:
    rows = {
        cells[0].strip(): float(cells[number])
        for cells in (line.split("|") for line in _TABLE.strip().splitlines())
    }
    return {name: rows[name] for name in NAMES}


JUDGED_ANEW: dict[str, float] = _column(1)
#: Attribute -> share of its labels that differ from what the picture shows.
LABEL_NOISE: dict[str, float] = _column(2)


def label_ceiling() -> dict[str, float]:
    """Attribute -> accuracy in [0, 1] of a reader who sees the truth in every picture."""
    return {name: 1 - wrong for name, wrong in LABEL_NOISE.items()}


def annotate(factors: Tensor, own: Tensor, again: Tensor, draws: Tensor) -> Tensor:
    """Labels float32 (N, 40) in {0, 1}.

    factors: float64 (N, F); own: float64 (N, 40), the own parts that decide the truth; again:
    float64 (N, 40), those of a second judgement; draws: float64 (N, 120), uniform numbers.
    """
    anew, slipped, guess = draws.split(len(NAMES), 1)
    judged = torch.where(anew < _row(JUDGED_ANEW.values()), again, own)
    labels = present_attributes(factors, judged)
    return torch.where(slipped < SLIPS, guess < _row(TRAIN_RATES), labels).float()


def _row(values) -> Tensor:
    return torch.tensor(tuple(values), dtype=torch.float64)
