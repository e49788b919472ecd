"""Habits of a face with given attributes: hair length, clothes, colours of hair and skin.

A drawn part reads only the attributes shown in it, so habits that reach into other parts are set
here, once, in the numbers of a scene. Toggling an attribute leaves them as they are. As on
photographs, they are cues beside the attribute: long hair speaks for a woman although the region of
Male is the face.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mtattr.twins.faces.attributes import INDEX
from mtattr.twins.faces.parameters import IDENTITY_PARAMETERS, IMAGE_PARAMETERS

#: Share of the men whose hair has any length.
ANY_LENGTH = 0.05


def follow_habits(parameters: Tensor, present: Tensor, people: Tensor) -> Tensor:
    """Uniform numbers (N, P) in [0, 1), made to fit the attributes, bool (N, 40); result in [0, 1).

    people: int64 (N,) from 0, who is shown. Numbers of a person follow what most of that person's
    pictures show, and so stay equal in all of them.
    """
    column = {name: p for p, name in enumerate(IDENTITY_PARAMETERS + IMAGE_PARAMETERS)}
    fitted = parameters.clone()
    mostly = _mostly(present, people)

    def change(name: str, where: Tensor, to) -> None:
        p = fitted[:, column[name]]
        fitted[:, column[name]] = torch.where(where, to(p), p)

    male = present[:, INDEX["Male"]]
    change("hair_length", male, lambda p: torch.where(p < ANY_LENGTH, p / ANY_LENGTH, 0.34 * p))
    change("hair_length", ~male, lambda p: 0.20 + 0.80 * p)
    change("clothes_kind", male, lambda p: 0.5 * p)
    change("clothes_kind", ~male, lambda p: 0.35 + 0.65 * p)
    change("clothes_kind", present[:, INDEX["Wearing_Necktie"]], lambda p: 0.32 * p)
    for name in ("brow_tone", "beard_tone", "hair_tone"):
        change(name, mostly("Black_Hair"), lambda p: 0.35 * p)
        change(name, mostly("Blond_Hair"), lambda p: 0.6 + 0.4 * p)
    change("beard_tone", mostly("Gray_Hair"), lambda p: 0.8 + 0.2 * p)
    change("skin_tone", torch.ones_like(male), lambda p: 0.45 * p + 0.55 * p * p)
    change("skin_tone", mostly("Rosy_Cheeks"), lambda p: 0.6 * p)
    change("skin_tone", mostly("Blond_Hair") | mostly("Pale_Skin"), lambda p: 0.35 * p)
    return fitted


def _mostly(present: Tensor, people: Tensor):
    """Function of an attribute's name: flags (N,) of people with it in over half the pictures."""
    count = int(people.max()) + 1
    pictures = torch.zeros(count, dtype=torch.long).index_add_(0, people, torch.ones_like(people))
    showing = torch.zeros(count, present.shape[1], dtype=torch.long).index_add_(
        0, people, present.long()
    )
    return lambda name: (2 * showing[:, INDEX[name]] > pictures)[people]
