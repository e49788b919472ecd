"""CelebA's 40 attributes: names in official order, visible parts, and published counts."""

from __future__ import annotations

from mtattr.errors import InputError
from mtattr.tasks import Task, TaskSet

#: Images in all and in the official training split.
NUM_IMAGES, NUM_TRAIN_IMAGES = 202_599, 162_770

# Name, part, positives among all images, positives among the training images. The counts follow
# from published rates, which are whole numbers of images to rounding, and from a published
# histogram of the training split.
_TABLE = (
    ("5_o_Clock_Shadow", "jaw", 22516, 18177),
    ("Arched_Eyebrows", "brows", 54090, 43278),
    ("Attractive", "skin", 103833, 83603),
    ("Bags_Under_Eyes", "eyes", 41446, 33280),
    ("Bald", "hair", 4547, 3713),
    ("Bangs", "forehead", 30709, 24685),
    ("Big_Lips", "mouth", 48785, 39213),
    ("Big_Nose", "nose", 47516, 38341),
    ("Black_Hair", "hair", 48472, 38906),
    ("Blond_Hair", "hair", 29983, 24267),
    ("Blurry", "image", 10312, 8362),
    ("Brown_Hair", "hair", 41572, 33192),
    ("Bushy_Eyebrows", "brows", 28803, 23386),
    ("Chubby", "face", 11663, 9389),
    ("Double_Chin", "jaw", 9459, 7571),
    ("Eyeglasses", "eyes", 13193, 10521),
    ("Goatee", "jaw", 12716, 10337),
    ("Gray_Hair", "hair", 8499, 6896),
    ("Heavy_Makeup", "face", 78390, 62555),
    ("High_Cheekbones", "cheeks", 92189, 73645),
    ("Male", "face", 84434, 68261),
    ("Mouth_Slightly_Open", "mouth", 97942, 78486),
    ("Mustache", "mouth", 8417, 6642),
    ("Narrow_Eyes", "eyes", 23329, 18869),
    ("No_Beard", "jaw", 169158, 135779),
    ("Oval_Face", "face", 57567, 46101),
    ("Pale_Skin", "skin", 8701, 7005),
    ("Pointy_Nose", "nose", 56210, 44846),
    ("Receding_Hairline", "forehead", 16163, 13040),
    ("Rosy_Cheeks", "cheeks", 13315, 10525),
    ("Sideburns", "ears", 11449, 9156),
    ("Smiling", "mouth", 97669, 78080),
    ("Straight_Hair", "hair", 42222, 33947),
    ("Wavy_Hair", "hair", 64744, 51982),
    ("Wearing_Earrings", "ears", 38276, 30362),
    ("Wearing_Hat", "hair", 9818, 8039),
    ("Wearing_Lipstick", "mouth", 95715, 76437),
    ("Wearing_Necklace", "neck", 24913, 19764),
    ("Wearing_Necktie", "neck", 14732, 11890),
    ("Young", "skin", 156734, 126788),
)

#: Official names in official order.
NAMES = tuple(name for name, *_ in _TABLE)
#: Name -> the part of the picture that shows the attribute.
PART = {name: part for name, part, *_ in _TABLE}
#: Parts in the order of a table, top of the head first.
PARTS = (
    *("hair", "forehead", "brows", "eyes", "ears", "nose"),
    *("cheeks", "mouth", "jaw", "face", "skin", "neck", "image"),
)
#: Name -> images that have it, among all `NUM_IMAGES`.
POSITIVES = {name: count for name, _, count, _ in _TABLE}
#: Name -> images that have it, among the `NUM_TRAIN_IMAGES` of the training split.
TRAIN_POSITIVES = {name: count for name, *_, count in _TABLE}
#: 40 binary tasks in official order; the part is group and region.
TASKS = TaskSet(Task(name, group=PART[name], region=PART[name]) for name in NAMES)

#: Correlations (phi) of pairs of attributes, computed on the first 20,000 images of the real set.
CORRELATIONS = {
    ("Heavy_Makeup", "Wearing_Lipstick"): 0.81,
    ("Male", "Wearing_Lipstick"): -0.80,
    ("Male", "Heavy_Makeup"): -0.67,
    ("High_Cheekbones", "Smiling"): 0.67,
    ("No_Beard", "Goatee"): -0.56,
    ("No_Beard", "Sideburns"): -0.55,
    ("No_Beard", "5_o_Clock_Shadow"): -0.53,
    ("No_Beard", "Mustache"): -0.44,
    ("No_Beard", "Male"): -0.52,
    ("Chubby", "Double_Chin"): 0.55,
    ("Mouth_Slightly_Open", "Smiling"): 0.53,
    ("Goatee", "Sideburns"): 0.50,
    ("Goatee", "Mustache"): 0.44,
    ("Attractive", "Wearing_Lipstick"): 0.49,
    ("Attractive", "Heavy_Makeup"): 0.48,
    ("Attractive", "Male"): -0.40,
    ("Attractive", "Young"): 0.39,
    ("Arched_Eyebrows", "Wearing_Lipstick"): 0.46,
    ("Arched_Eyebrows", "Heavy_Makeup"): 0.44,
    ("Arched_Eyebrows", "Male"): -0.41,
    ("5_o_Clock_Shadow", "Male"): 0.42,
    ("High_Cheekbones", "Mouth_Slightly_Open"): 0.41,
    ("Male", "Wearing_Earrings"): -0.38,
    ("Male", "Big_Nose"): 0.38,
    ("Gray_Hair", "Young"): -0.37,
    ("Bags_Under_Eyes", "Big_Nose"): 0.36,
    ("Male", "Wearing_Necktie"): 0.33,
    ("Straight_Hair", "Wavy_Hair"): -0.32,
}

#: Names in the tables of papers that are more than the official one with spaces.
ALIASES = {
    "5 Shadow": "5_o_Clock_Shadow",
    "Earring": "Wearing_Earrings",
    "Earrings": "Wearing_Earrings",
    "Wearing Earring": "Wearing_Earrings",
    "Hat": "Wearing_Hat",
    "High Cheekbone": "High_Cheekbones",
    "Lipstick": "Wearing_Lipstick",
    "Mouth Open": "Mouth_Slightly_Open",
    "Necklace": "Wearing_Necklace",
    "Necktie": "Wearing_Necktie",
    "Recede Hair": "Receding_Hairline",
}

_OFFICIAL = {
    text.casefold().replace("_", " "): name
    for text, name in [*zip(NAMES, NAMES, strict=True), *ALIASES.items()]
}


def official_name(text: str) -> str:
    """The official name of an attribute in a paper's table; case and underscores do not matter.

    Raises `InputError` for an unknown name.
    """
    found = _OFFICIAL.get(" ".join(text.replace("_", " ").casefold().split()))
    if found is None:
        raise InputError(f"no CelebA attribute is called {text!r}; there are {', '.join(NAMES)}")
    return found
