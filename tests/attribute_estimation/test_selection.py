import pytest
import torch
from mtattr.attribute_estimation import mutual_information, select_attributes
from mtattr.errors import InputError
from sklearn.metrics import mutual_info_score

from cases import each


def draw(seed=0, images=300, attributes=12, classes=4):
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (images,), generator=generator)
    rates = torch.rand(classes, attributes, generator=generator)
    return (torch.rand(images, attributes, generator=generator) < rates[y]).float(), y


def test_equals_scikit_learn():
    attributes, classes = draw()
    expected = [mutual_info_score(attributes[:, a].numpy(), classes.numpy()) for a in range(attributes.shape[1])]
    torch.testing.assert_close(mutual_information(attributes, classes), torch.tensor(expected, dtype=torch.float64))


def test_by_hand():
    classes = torch.tensor([0, 0, 1, 1])
    attributes = torch.tensor([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1]]).float().T
    expected = torch.tensor([0.6931471805599453, 0.6931471805599453, 0.0, 0.0], dtype=torch.float64)
    torch.testing.assert_close(mutual_information(attributes, classes), expected)
    assert select_attributes(attributes, classes, 3).tolist() == [0, 1, 2]


def test_best_first_whatever_the_order_of_columns():
    attributes, classes = draw(1)
    best = select_attributes(attributes, classes, 5)
    scores = mutual_information(attributes, classes)
    assert scores[best].tolist() == sorted(scores.tolist(), reverse=True)[:5]
    order = torch.randperm(12, generator=torch.Generator().manual_seed(2))
    assert order[select_attributes(attributes[:, order], classes, 5)].tolist() == best.tolist()


def test_unknown_labels_leave_only_their_column():
    attributes, classes = draw(3)
    holes = attributes.clone()
    holes[:50, 4] = torch.nan
    scores, whole = mutual_information(holes, classes), mutual_information(attributes, classes)
    assert scores[4].item() == pytest.approx(mutual_info_score(attributes[50:, 4].numpy(), classes[50:].numpy()))
    others = [a for a in range(12) if a != 4]
    torch.testing.assert_close(scores[others], whole[others])


@each("k", [0, 13])
def test_k_out_of_range(k):
    with pytest.raises(InputError, match=r"1\.\.12"):
        select_attributes(*draw(), k)


def test_values_that_are_no_labels():
    with pytest.raises(InputError, match="0 or 1"):
        mutual_information(torch.tensor([[2.0], [0.0]]), torch.tensor([0, 1]))


@each("k", [0, 4, -1, 2.0, "2", None, True])
def test_k_must_be_a_whole_number_of_columns(k):
    with pytest.raises(InputError, match="k must be"):
        select_attributes(torch.eye(3), torch.arange(3), k)


@each(
    ("attributes", "classes"),
    [
        (torch.eye(3)[:, 0], torch.arange(3)),
        (torch.eye(3), torch.arange(2)),
        (torch.eye(3), torch.arange(3) - 1),
        (torch.eye(3), torch.arange(3) + 0.5),
        (torch.eye(3), torch.full((3,), torch.nan)),
        (torch.eye(3)[:0], torch.arange(0)),
        (torch.eye(3) * 2, torch.arange(3)),
    ],
)
def test_attributes_and_classes_must_fit(attributes, classes):
    with pytest.raises(InputError):
        select_attributes(attributes, classes, 1)
