import pytest
from mtattr.errors import InputError
from mtattr.training import RunSpec
from mtattr.training.checks import check_spec, size_of

SIZES = {("faces", "smoke"): 1, ("faces", "paper"): 2, ("cars", "smoke"): 3}
SETTINGS = {"alpha": (int | float, lambda a: 0 <= a <= 1, "a number in [0, 1]"), "name": (str | None, lambda n: True, "a name, or null")}


def check(variant="new", dataset="faces", scale="smoke", **settings):
    check_spec(RunSpec("paper", variant, dataset, scale, 0, settings), variants=("new", "old"), sizes=SIZES, settings=SETTINGS)


def test_what_a_recipe_has_passes():
    check(alpha=1, name=None)
    check("old", "faces", "paper", alpha=0.5, name="x")
    assert size_of(SIZES, "paper", "cars", "smoke") == 3


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"variant": "newer"}, "variant 'newer' is unknown; there are new, old"),
        ({"dataset": "dogs"}, "paper has no recipe for dataset 'dogs'; there are cars, faces"),
        ({"dataset": "cars", "scale": "paper"}, "paper has no scale 'paper' for cars; there are smoke"),
        ({"beta": 1}, "setting 'beta' is unknown; there are alpha, name"),
        *(({"alpha": value}, r"setting alpha .* is not a number in \[0, 1\]") for value in (True, "1", 2, -1, None, [1])),
        ({"name": 3}, "setting name 3 is not a name, or null"),
    ],
)
def test_what_it_lacks_is_refused_in_one_line(wanted, message):
    with pytest.raises(InputError, match=message):
        check(**wanted)
