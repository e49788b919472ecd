"""The protocol that all recipes follow, and the checks that they share."""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import mtattr
import pytest
from mtattr.data import DATASETS
from mtattr.training import SCALES, FitSettings, RunSpec, plan_for, recipe_of
from mtattr.training import recipe as protocol
from mtattr.training.recipe import check_spec, check_splits, load_splits, run_of, size_of

from cases import assert_refused
from training import toy

SIZES = {("faces", "smoke"): 1, ("faces", "paper"): 2, ("cars", "smoke"): 3}
SETTINGS = {"alpha": (int | float, lambda a: 0 <= a <= 1, "a number in [0, 1]"), "name": (str | None, lambda n: True, "a name, or null")}


def check(variant="new", dataset="faces", scale="smoke", **settings):
    check_spec(RunSpec("paper", variant, dataset, scale, 0, settings), variants=("new", "old"), sizes=SIZES, settings=SETTINGS)


def test_what_a_recipe_has_passes():
    check(alpha=1, name=None)
    check("old", "faces", "paper", alpha=0.5, name="x")
    assert size_of(SIZES, "paper", "cars", "smoke") == 3


def test_what_it_lacks_is_refused_in_one_line():
    for wanted, message in (
        ({"variant": "newer"}, "variant 'newer' is unknown; there are new, old"),
        ({"dataset": "dogs"}, "paper has no recipe for dataset 'dogs'; there are cars, faces"),
        ({"dataset": "cars", "scale": "paper"}, "paper has no scale 'paper' for cars; there are smoke"),
        ({"beta": 1}, "setting 'beta' is unknown; there are alpha, name"),
        *(({"alpha": value}, r"setting alpha .* is not a number in \[0, 1\]") for value in (True, "1", 2, -1, None, [1])),
        ({"name": 3}, "setting name 3 is not a name, or null"),
    ):
        assert_refused(message, check, **wanted)


def test_splits_and_finished_runs_that_are_missing_are_named():
    data = toy.toy_plan().data
    check_splits(data)
    for missing in data:
        left = {split: part for split, part in data.items() if split != missing}
        assert_refused(f"expected the splits train, val, test, but {missing} is missing", check_splits, left, case=missing)
    needed = RunSpec("p", "teacher", "faces", "smoke")
    assert run_of({needed: 7}, replace(needed)) == 7
    assert_refused("the run teacher on faces must be finished first; call fit_or_load, which trains it", run_of, {}, needed)


def test_sizes_places_and_options_reach_the_loader(monkeypatch):
    calls = []
    monkeypatch.setattr(protocol, "load_dataset", lambda dataset, split, **how: calls.append((dataset, split, how)))
    size = SimpleNamespace(image_size=(8, 6), train=9, val=5, test=None, options={"extra": True, "seed": 1})
    load_splits("celeba", size, root="here", seed=3)
    load_splits("celeba-twin", size, root="here")
    load_splits("digits", SimpleNamespace(image_size=8, train=9, val=5, test=4), root="here", draw=7)
    load_splits("celeba-twin", SimpleNamespace(image_size=8, train=9, val=5, test=4), draw=7)
    common = {"root": "here", "image_size": (8, 6), "extra": True}
    assert calls[0] == ("celeba", "train", common | {"limit": 9, "seed": 3})
    assert calls[2] == ("celeba", "test", common | {"limit": None, "seed": 3})
    assert calls[4] == ("celeba-twin", "val", common | {"limit": 5, "root": None, "seed": 1})
    assert calls[8] == ("digits", "test", {"root": None, "image_size": 8, "limit": 4})
    assert calls[11] == ("celeba-twin", "test", {"root": None, "image_size": 8, "limit": 4, "draw": 7})


def test_unknown_papers_are_refused():
    for paper in ("nobody", "data"):
        assert_refused(f"paper '{paper}' has no recipe", plan_for, RunSpec(paper, "v", "d", "smoke"))


def test_a_recipe_whose_own_imports_fail_is_not_said_to_be_missing(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'missing'", name="missing")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError):
        recipe_of("attribute_estimation")


@pytest.mark.parametrize("paper", mtattr.PAPERS)
def test_every_paper_follows_the_protocol(paper):
    recipe = recipe_of(paper)
    assert recipe.VARIANTS
    for (dataset, scale), size in recipe.SIZES.items():
        assert scale in SCALES
        assert all(part in DATASETS for part in (dataset if dataset in DATASETS else dataset.removesuffix("-twin")).split("+"))
        assert isinstance(size.fit, FitSettings)
        assert {"image_size", "train", "val", "test"} <= set(vars(size))
    for name, (types, fits, expected) in recipe.SETTINGS.items():
        assert isinstance(types, type) or types.__args__, name
        assert callable(fits)
        assert isinstance(expected, str)
    for function in ("check", "requires", "data", "plan", "evidence"):
        assert getattr(recipe, function).__module__ == recipe.__name__


@pytest.mark.parametrize("paper", mtattr.PAPERS)
def test_the_evidence_is_valid_and_holds_all_that_it_starts_from_earlier_ones_first(paper):
    recipe = recipe_of(paper)
    specs = recipe.evidence()
    assert len(set(specs)) == len(specs)
    assert {spec.scale for spec in specs} == {"reduced"}
    assert {(spec.scale, spec.seed) for spec in recipe.evidence("smoke", [7])} == {("smoke", 7)}

    def depth(spec, above=()):
        assert spec not in above, "a run that requires itself"
        recipe.check(spec)
        return 1 + max((depth(needed, (*above, spec)) for needed in recipe.requires(spec)), default=0)

    there = set(specs)
    for spec in specs:
        assert spec.paper == paper
        assert depth(spec) <= 4
        assert set(recipe.requires(spec)) <= there, spec
    first = recipe.evidence(seeds=[0])
    for place, spec in enumerate(first):
        same_seed = [needed for needed in recipe.requires(spec) if needed.seed == spec.seed]
        assert all(first.index(needed) < place for needed in same_seed), spec
