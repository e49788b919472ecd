import torch
from mtattr.twins.faces.attributes import INDEX
from mtattr.twins.faces.habits import follow_habits
from mtattr.twins.faces.parameters import IDENTITY_PARAMETERS, IMAGE_PARAMETERS
from mtattr.twins.faces.scene import COLUMN, sample_scenes


def test_habits_follow_attributes():
    scenes = sample_scenes("train", 8000)
    male = scenes.present[:, INDEX["Male"]]
    length = scenes.parameters[:, COLUMN["hair_length"]]
    assert 0.02 < (length[male] > 0.35).double().mean() < 0.06
    assert (length[~male] > 0.35).double().mean() > 0.7
    tie = scenes.present[:, INDEX["Wearing_Necktie"]]
    assert scenes.parameters[tie, COLUMN["clothes_kind"]].max() < 0.33
    black = scenes.present[:, INDEX["Black_Hair"]]
    tone = scenes.parameters[:, COLUMN["brow_tone"]]
    assert tone[black].mean() < tone[~black].mean() - 0.1


def test_a_number_of_a_person_follows_most_of_the_pictures():
    names = IDENTITY_PARAMETERS + IMAGE_PARAMETERS
    people = torch.tensor([0, 0, 0, 1, 1, 1])
    present = torch.zeros(6, 40, dtype=torch.bool)
    present[:2, INDEX["Black_Hair"]] = True
    present[3, INDEX["Black_Hair"]] = True
    numbers = torch.full((6, len(names)), 0.5, dtype=torch.float64)
    tone = follow_habits(numbers, present, people)[:, names.index("brow_tone")]
    assert (tone[:3] == tone[0]).all()
    assert (tone[3:] == 0.5).all()
    assert tone[0] < 0.25
    assert (numbers == 0.5).all()
