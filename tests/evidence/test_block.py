import numpy as np
import pytest
from mtattr.evidence import Claim, judge
from scipy import stats

GREATER = {
    "id": "c", "statement": "s", "where": "ours", "metric": "class_accuracy", "kind": "greater", "a": "v0", "b": "v1",
    "datasets": ("digits",), "smallest_effect": 0.01, "edition": 2,
}  # fmt: skip


def claim(**changes):
    return Claim(**(GREATER | changes))


@pytest.fixture
def runs(make_runs):
    def build(scores, **changes):
        return [run for v, row in enumerate(scores) for run in make_runs(f"v{v}", row, **({"edition": 2} | changes))]

    return build


def scores(variants, seeds=5, seed=0, spread=0.01):
    rng = np.random.default_rng(seed)
    return 0.6 + rng.normal(size=(variants, seeds)) * spread + rng.normal(size=seeds) * 0.05


def test_the_interval_is_that_of_the_pooled_residual(runs):
    s = scores(4)
    found = judge(claim(), runs(s))
    residual = s - s.mean(1, keepdims=True) - s.mean(0) + s.mean()
    error = np.sqrt((residual**2).sum() / 12 * 2 / 5)
    half = stats.t.ppf(0.975, 12) * error
    mean = s[0].mean() - s[1].mean()
    assert (found.estimate.error, found.estimate.df) == (pytest.approx(error), 12)
    assert (found.difference.low, found.difference.high) == pytest.approx((mean - half, mean + half))
    assert found.error_from == "block of 4 variants"
    assert found.p == pytest.approx(2 * stats.t.sf(abs(mean) / error, 12))


def own_pairs(found, s):
    expected = stats.ttest_rel(s[0], s[1]).confidence_interval()
    return (found.difference.low, found.difference.high) == pytest.approx((expected.low, expected.high))


def test_two_variants_are_no_block(runs):
    s = scores(2)
    found = judge(claim(), runs(s))
    assert found.error_from == "own pairs"
    assert own_pairs(found, s)


def test_where_variances_differ_nothing_is_pooled(runs):
    s = scores(6, seeds=8)
    s[5] += np.array([0.3, -0.3] * 4)
    found = judge(claim(), runs(s))
    assert found.error_from == "own pairs, the variances of 6 variants differ"
    assert own_pairs(found, s)
    assert judge(claim(), runs(s[:5])).error_from == "block of 5 variants"


def test_only_comparable_runs_make_a_block(runs, make_runs):
    s = scores(5)
    whole = runs(s)
    outsiders = {
        "another dataset": {"spec__dataset": "svhn"},
        "another scale": {"spec__scale": "paper"},
        "another paper": {"spec__paper": "channel_attention"},
        "other settings": {"spec__settings": {"epochs": 3}},
        "other images": {"data__fingerprint": "e" * 64},
        "the first edition": {"edition": None},
        "untrained": {"learned": {"share": 0.2}},
    }
    for why, changes in outsiders.items():
        rest = make_runs("v9", [0.1, 0.9, 0.2, 0.8, 0.3], **({"edition": 2} | changes))
        found = judge(claim(), whole + rest, dataset="digits", scale="reduced")
        assert found.error_from == "block of 5 variants", why
    for incomplete in ([0.6] * 4, [0.1, 0.9, float("nan"), 0.8, 0.3]):
        assert judge(claim(), whole + make_runs("v9", incomplete, edition=2)).error_from == "block of 5 variants"


def test_a_claim_with_settings_has_the_block_of_these_settings(runs):
    small, large = scores(4, seed=1), scores(3, seed=2)
    records = runs(small, spec__settings={"backbone": "small"}) + runs(large, spec__settings={"backbone": "large"})
    assert judge(claim(settings={"backbone": "small"}), records).error_from == "block of 4 variants"
    assert judge(claim(settings={"backbone": "large"}), records).error_from == "block of 3 variants"


def test_a_named_block_has_just_its_variants(runs):
    records = runs(scores(6))
    assert judge(claim(block="some", block_variants=("v0", "v1", "v4")), records).error_from == "block of 3 variants"
    assert judge(claim(block="pair", block_variants=("v0", "v1")), records).error_from == "own pairs"


def test_of_two_records_of_a_seed_the_later_counts_in_the_block(runs):
    s, again = scores(4, seed=1), scores(4, seed=2)
    assert judge(claim(), runs(s) + runs(again)).estimate == judge(claim(), runs(again)).estimate


def test_a_claim_about_one_variant_has_the_spread_of_its_seeds(runs):
    s = scores(4)
    found = judge(claim(kind="greater_than_value", b=None, value=0.5), runs(s))
    expected = stats.ttest_1samp(s[0], 0.5).confidence_interval()
    assert found.error_from == "own seeds"
    assert (found.difference.low, found.difference.high) == pytest.approx((expected.low - 0.5, expected.high - 0.5))
