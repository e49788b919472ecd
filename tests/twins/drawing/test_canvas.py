import pytest
import torch
from mtattr.twins.drawing.canvas import Canvas, by_range

COLUMN = {"size": 0, "kind": 1}


@pytest.fixture
def canvas():
    parameters = torch.tensor([[0.0, 0.1], [0.5, 0.6], [0.75, 0.9]], dtype=torch.float64)
    canvas = Canvas(parameters, COLUMN, (16, 12))
    canvas.picture = torch.zeros(3, 3, 16, 12)
    return canvas


def test_numbers_are_read_by_name(canvas):
    assert len(canvas) == 3
    assert canvas.p("size").tolist() == [0, 0.5, 0.75]
    assert canvas.pick("size", 2.0, 4.0).tolist() == [2, 3, 3.5]
    assert canvas.tile("size", 32).tolist() == [0, 16, 24]
    assert canvas.all_rows.tolist() == [0, 1, 2]
    with pytest.raises(KeyError):
        canvas.p("colour")


def test_painting_stays_in_the_boxes_of_its_images(canvas):
    rows = torch.tensor([0, 2])
    patch = canvas.patch(rows, torch.zeros(2), torch.tensor([-0.5, 0.5]), 0.3, 0.3)
    canvas.blend(patch, torch.full(patch.inside.shape, 0.5), canvas.colour(1.0, 0.5, 0.0, rows=rows))
    painted = canvas.picture > 0
    assert not painted[1].any()
    assert not painted[:, 2].any()
    assert torch.equal(painted[:, 0], painted[:, 1])
    assert painted[0, 0].nonzero()[:, 0].max() < 8 <= painted[2, 0].nonzero()[:, 0].min()
    assert canvas.picture.unique().tolist() == [0, 0.25, 0.5]
    canvas.darken(patch, torch.full(patch.inside.shape, 0.25))
    assert canvas.picture[:, 0].unique().tolist() == [0, 0.375]


def test_a_table_of_ranges_yields_the_rows_that_it_has(canvas):
    table = ((0.0, 0.5, "a", 1), (0.5, 0.6, "b", 2), (0.6, 1.0, "c", 3))
    found = [(rows.tolist(), *rest) for rows, *rest in by_range(canvas.p("size"), table)]
    assert found == [([0], "a", 1), ([1], "b", 2), ([2], "c", 3)]
    among = torch.tensor([True, False, True])
    assert [name for _, name, _ in by_range(canvas.p("size"), table, among)] == ["a", "c"]
