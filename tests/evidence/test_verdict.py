import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mtattr.errors import InputError
from mtattr.evidence import MINIMUM_SEEDS, SCALES, VERDICTS, Claim, Verdict, judge, seal
from scipy import stats

BASE = {"id": "c", "statement": "s", "where": "Table 2", "metric": "class_accuracy", "a": "PM", "datasets": ("digits", "deepfashion-twin")}


def claim(kind="greater", **fields):
    needs = {
        "greater": {"b": "CM"},
        "differs": {"b": "CM"},
        "equivalent": {"b": "CM", "margin": 0.01},
        "ratio": {"b": "CM", "margin": 0.05},
        "welch": {"b": "CM", "level": 0.05},
        "value": {"published": {"a": 0.8}, "tolerance": 0.01},
        "greater_than_value": {"value": 0.0},
    }[kind]
    return Claim(**(BASE | {"kind": kind} | needs | fields))


def noisy(mean, n=6, spread=0.001):
    return [mean + spread * (i - (n - 1) / 2) for i in range(n)]


@pytest.fixture(scope="module")
def pair(make_runs):
    def build(a, b, **changes):
        return make_runs("PM", a, **changes) + make_runs("CM", b, **changes)

    return build


KINDS = ("greater", "greater_than_value", "differs", "equivalent", "ratio", "value", "welch")
values = st.lists(st.floats(0, 1, width=32), min_size=0, max_size=8)


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    a=values,
    b=values,
    scale=st.sampled_from(SCALES),
    generated=st.booleans(),
    exploratory=st.booleans(),
    minimum=st.sampled_from(["reduced", "paper"]),
    printed=st.booleans(),
)
def test_no_records_whatever_give_more_than_their_scale_allows(pair, kind, a, b, scale, generated, exploratory, minimum, printed):
    extra = {"published": {"a": 0.5, "b": 0.4}, "tolerance": 0.5} if printed else {}
    judged = claim(kind, exploratory=exploratory, minimum_scale=minimum, **extra)
    verdict = judge(judged, pair(a, b, spec__scale=scale, data__generated=generated))
    assert verdict.verdict in VERDICTS
    assert verdict.reason
    if scale != "paper" or generated or exploratory:
        assert verdict.verdict not in ("reproduced", "partly")
    usable = len(a) if len(judged.variants) == 1 else min(len(a), len(b))
    assert verdict.n == usable
    if scale == "smoke" or usable < MINIMUM_SEEDS or SCALES.index(scale) < SCALES.index(minimum):
        assert verdict.verdict == "not tested"


@settings(deadline=None, max_examples=60)
@given(
    verdict=st.sampled_from(["reproduced", "partly"]),
    scale=st.sampled_from(SCALES),
    generated=st.booleans(),
    exploratory=st.booleans(),
    n=st.integers(0, 9),
)
def test_reproduced_cannot_even_be_built_below_paper_scale_or_on_drawn_data(verdict, scale, generated, exploratory, n):
    def build():
        return Verdict("c", "d", scale, verdict, "r", generated=generated, exploratory=exploratory, n=n)

    if scale == "paper" and not generated and not exploratory and n >= MINIMUM_SEEDS:
        assert build().verdict == verdict
    else:
        with pytest.raises(ValueError, match="needs"):
            build()


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-1, 1, width=32), min_size=5, max_size=8))
def test_an_ordering_is_judged_as_scipys_paired_test_would(pair, differences):
    b = np.linspace(0.2, 0.4, len(differences))
    a = b + differences
    verdict = judge(claim(), pair(a.tolist(), b.tolist()))
    d = a - b
    if d.std() < 1e-6:
        return
    p, mean = stats.ttest_rel(a, b).pvalue, d.mean()
    if abs(p - 0.05) < 1e-6:
        return
    expected = "inconclusive" if p > 0.05 else "trend holds" if mean > 0 else "not reproduced"
    assert verdict.verdict == expected
    assert verdict.difference.mean == pytest.approx(mean)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=8), st.lists(st.floats(0, 1, width=32), min_size=5, max_size=8))
def test_swapping_the_sides_never_lets_both_orderings_hold(pair, a, b):
    records = pair(a, b)
    forward, backward = judge(claim(), records), judge(claim(a="CM", b="PM"), records)
    assert not forward.verdict == backward.verdict == "trend holds"
    if forward.verdict == "trend holds":
        assert backward.verdict == "not reproduced"
    assert forward.difference.mean == pytest.approx(-backward.difference.mean)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 1, width=32), min_size=5, max_size=8), st.lists(st.floats(0, 1, width=32), min_size=5, max_size=8))
def test_welch_holds_exactly_when_p_is_below_the_level_with_a_ahead(pair, a, b):
    n = min(len(a), len(b))
    verdict = judge(claim("welch"), pair(a, b))
    a, b = np.array(a[:n]), np.array(b[:n])
    if a.std() + b.std() < 1e-6:
        return
    p = stats.ttest_ind(a, b, equal_var=False).pvalue
    if abs(p - 0.05) < 1e-6:
        return
    assert (verdict.verdict == "trend holds") == (p < 0.05 and a.mean() > b.mean())
    assert (verdict.verdict == "not reproduced") == (p < 0.05 and a.mean() < b.mean())
    assert verdict.p == pytest.approx(p)


REDUCED = [
    ("greater", {}, noisy(0.8), noisy(0.7), "trend holds"),
    ("greater", {}, noisy(0.7), noisy(0.8), "not reproduced"),
    ("greater", {}, [0.5] * 6, [0.5] * 6, "not reproduced"),
    ("greater", {}, [0.5, 0.6, 0.5, 0.6, 0.5], [0.6, 0.5, 0.6, 0.5, 0.49], "inconclusive"),
    ("greater", {"margin": 0.2}, noisy(0.8), noisy(0.7), "not reproduced"),
    ("equivalent", {}, noisy(0.8), noisy(0.805), "trend holds"),
    ("equivalent", {}, noisy(0.8), noisy(0.7), "not reproduced"),
    ("equivalent", {}, noisy(0.8, spread=0.01), noisy(0.81, spread=0.004), "inconclusive"),
    ("equivalent", {}, noisy(0.8, spread=0.01), noisy(0.805, spread=0.004), "inconclusive"),
    ("differs", {}, noisy(0.7), noisy(0.8), "trend holds"),
    ("differs", {}, [0.5, 0.6, 0.5, 0.6, 0.5], [0.6, 0.5, 0.6, 0.5, 0.5], "inconclusive"),
    ("differs", {"margin": 0.01}, noisy(0.8), noisy(0.801), "not reproduced"),
    ("ratio", {}, noisy(100.0), noisy(101.0), "trend holds"),
    ("ratio", {}, noisy(100.0), noisy(120.0), "not reproduced"),
    ("ratio", {}, noisy(1.0), [0.0] * 6, "not tested"),
    ("welch", {}, noisy(0.8), noisy(0.7), "trend holds"),
    ("greater_than_value", {"value": 0.5}, noisy(0.8), [], "trend holds"),
    ("greater_than_value", {"value": 0.9}, noisy(0.8), [], "not reproduced"),
    ("greater_than_value", {"value": None, "floor": "class_accuracy"}, noisy(0.8), [], "trend holds"),
    ("greater_than_value", {"value": None, "floor": "class_accuracy"}, noisy(0.05), [], "not reproduced"),
    ("greater_than_value", {"value": None, "floor": "top_k"}, noisy(0.8), [], "not tested"),
    ("value", {}, noisy(0.8), [], "not tested"),
]


def test_verdicts_at_reduced_scale(pair):
    for case, (kind, fields, a, b, expected) in enumerate(REDUCED):
        assert judge(claim(kind, **fields), pair(a, b)).verdict == expected, (case, kind, fields)


ABOUT_ZERO = [0.001, -0.001, 0.002, -0.002, 0.0005, -0.0005]
SMALL_GAIN = [0.002, 0.0021, 0.0019, 0.002, 0.0022, 0.0018]
WIDE = [0.05, -0.06, 0.04, -0.03, 0.02, -0.05]
SHIFTS = [
    # kind, fields, a - b by seed, verdict, part of the reason
    ("greater", {}, ABOUT_ZERO, "inconclusive", "spans 0"),
    ("greater", {"smallest_effect": 0.005}, ABOUT_ZERO, "no difference", "within ±0.005"),
    ("greater", {"smallest_effect": 0.001}, ABOUT_ZERO, "inconclusive", "spans 0"),
    ("greater", {"smallest_effect": 0.005}, WIDE, "inconclusive", "spans 0"),
    ("greater", {"smallest_effect": 0.005}, [0.0] * 6, "no difference", "within ±0.005"),
    ("greater", {}, [0.0] * 6, "not reproduced", "does not reach above 0"),
    ("greater", {"smallest_effect": 0.005, "margin": 0.002}, SMALL_GAIN, "no difference", "within ±0.005"),
    ("differs", {"smallest_effect": 0.005}, ABOUT_ZERO, "no difference", "within ±0.005"),
    ("differs", {"smallest_effect": 0.005}, [0.0] * 6, "no difference", "within ±0.005"),
    ("welch", {"smallest_effect": 0.2}, ABOUT_ZERO, "no difference", "within ±0.2"),
    ("equivalent", {"margin": 0.005}, ABOUT_ZERO, "trend holds", "90 % interval lies within ±0.005"),
    ("equivalent", {"margin": 0.001}, ABOUT_ZERO, "inconclusive", "edge of ±0.001"),
    # Both shown to be there and shown to be small: the sign is decided, the reason gives the size.
    ("greater", {"smallest_effect": 0.005}, SMALL_GAIN, "trend holds", "smaller than the smallest of interest, 0.005"),
    ("greater", {"smallest_effect": 0.005}, [-x for x in SMALL_GAIN], "not reproduced", "smaller than the smallest of interest, 0.005"),
    ("differs", {"smallest_effect": 0.005}, SMALL_GAIN, "trend holds", "smaller than the smallest of interest, 0.005"),
    ("greater", {"smallest_effect": 0.001}, SMALL_GAIN, "trend holds", "the interval lies above 0"),
    # |a - b| > margin, on either side.
    ("differs", {"margin": 0.001}, [-x for x in SMALL_GAIN], "trend holds", "outside ±0.001"),
    ("differs", {"margin": 0.0019}, SMALL_GAIN, "inconclusive", "edge of ±0.0019"),
    ("differs", {"margin": 0.003}, SMALL_GAIN, "not reproduced", "within ±0.003"),
]


def test_equivalence_and_the_smallest_effect_of_interest(pair):
    base = [0.5, 0.52, 0.51, 0.53, 0.5, 0.49]
    for case, (kind, fields, shifts, expected, why) in enumerate(SHIFTS):
        verdict = judge(claim(kind, **fields), pair([b + d for b, d in zip(base, shifts, strict=True)], base))
        assert verdict.verdict == expected, (case, kind, fields)
        assert why in verdict.reason, (case, verdict.reason)


def test_no_difference_from_a_bound(pair):
    floored = {"value": None, "floor": "class_accuracy", "smallest_effect": 0.005}
    assert judge(claim("greater_than_value", **floored), pair([0.1 + x for x in ABOUT_ZERO], [])).verdict == "no difference"
    assert judge(claim("greater_than_value", value=0.8, smallest_effect=0.005), pair(noisy(0.8), [])).verdict == "no difference"


@settings(deadline=None, max_examples=60)
@given(st.lists(st.floats(-0.02, 0.02), min_size=5, max_size=8), st.floats(0.001, 0.03))
def test_no_difference_is_scipys_two_one_sided_tests(pair, differences, smallest):
    b = np.linspace(0.2, 0.4, len(differences))
    a = b + differences
    d = a - b
    if d.std() < 1e-6:
        return
    interval = stats.ttest_1samp(d, 0).confidence_interval(0.9)
    if min(abs(interval.low + smallest), abs(interval.high - smallest)) < 1e-9:
        return
    within = interval.low > -smallest and interval.high < smallest
    verdict = judge(claim(smallest_effect=smallest), pair(a.tolist(), b.tolist()))
    assert verdict.negligible == within
    if within:
        assert verdict.verdict != "inconclusive"
    else:
        assert verdict.verdict != "no difference"


def test_power_and_the_printed_effect(pair):
    base, shifts = [0.5, 0.52, 0.51, 0.53, 0.5, 0.49], [0.02, -0.01, 0.015, 0.0, 0.01, -0.005]
    records = pair([b + d for b, d in zip(base, shifts, strict=True)], base)
    printed = claim(published={"a": 0.9, "b": 0.88}, tolerance=0.02)
    found = judge(printed, records)
    error, critical = np.std(shifts, ddof=1) / np.sqrt(6), stats.t.ppf(0.975, 5)
    assert found.printed == pytest.approx(0.02)
    assert found.power == pytest.approx(stats.nct.sf(critical, 5, 0.02 / error))
    assert stats.nct.sf(critical, 5, found.detectable / error) == pytest.approx(0.8, abs=1e-6)
    assert found.printed_excluded == (not np.mean(shifts) - critical * error < 0.02 < np.mean(shifts) + critical * error)
    far = judge(dataclasses.replace(printed, published={"a": 0.9, "b": 0.8}), records)
    assert far.printed_excluded is True
    assert far.verdict == "inconclusive"
    silent = judge(claim(), records)
    assert (silent.printed, silent.power, silent.printed_excluded) == (None, None, None)
    assert silent.detectable == pytest.approx(found.detectable)
    times = claim("ratio", published={"a": 110.0, "b": 100.0})
    assert judge(times, pair(noisy(100.0), noisy(101.0))).printed == pytest.approx(0.1)


PAPER = [
    ("greater", {"published": {"a": 0.8, "b": 0.7}, "tolerance": 0.02}, noisy(0.81), noisy(0.71), "reproduced"),
    ("greater", {"published": {"a": 0.9, "b": 0.7}, "tolerance": 0.02}, noisy(0.81), noisy(0.71), "partly"),
    ("greater", {"published": {"a": 0.8, "b": 0.7}, "tolerance": 0.02}, noisy(0.71), noisy(0.81), "not reproduced"),
    ("greater", {}, noisy(0.81), noisy(0.71), "reproduced"),
    ("greater", {"where": "ours"}, noisy(0.81), noisy(0.71), "trend holds"),
    ("greater", {"exploratory": True}, noisy(0.81), noisy(0.71), "trend holds"),
    ("value", {}, noisy(0.803), [], "reproduced"),
    ("value", {}, noisy(0.83), [], "not reproduced"),
    ("value", {}, noisy(0.81), [], "inconclusive"),
    ("value", {}, noisy(0.807, spread=0.005), [], "inconclusive"),
    ("equivalent", {}, noisy(0.8), noisy(0.805), "reproduced"),
    ("welch", {"published": {"p": 0.022}}, noisy(0.8), noisy(0.7), "reproduced"),
]


def test_verdicts_at_paper_scale_on_real_data(pair):
    for case, (kind, fields, a, b, expected) in enumerate(PAPER):
        assert judge(claim(kind, **fields), pair(a, b, spec__scale="paper")).verdict == expected, (case, kind, fields)


def test_nothing_is_tested_without_records_or_enough_seeds(pair):
    assert (judge(claim(), []).verdict, judge(claim(), []).reason) == ("not tested", "no record")
    few = judge(claim(), pair(noisy(0.8, 4), noisy(0.7, 4)))
    assert (few.verdict, few.n, few.difference.n) == ("not tested", 4, 4)
    assert "4 usable seeds" in few.reason
    one_sided = judge(claim(), pair(noisy(0.8), []))
    assert one_sided.verdict == "not tested"
    assert "no matching pair for seed 0, 1" in one_sided.reason


def test_pairs_need_one_seed_and_one_data_set(pair, make_runs):
    shifted = make_runs("PM", noisy(0.8, 7)) + make_runs("CM", noisy(0.7, 7), first_seed=2)
    assert judge(claim(), shifted).n == 5
    other_data = make_runs("PM", noisy(0.8)) + make_runs("CM", noisy(0.7), data__fingerprint="e" * 64)
    assert judge(claim(), other_data).verdict == "not tested"


def test_costs_are_compared_on_one_device_only(make_runs):
    def runs(variant, device):
        return make_runs(variant, noisy(0.8), environment__device=device)

    costs = claim("ratio", metric="cost.peak_memory_mb")
    assert judge(costs, runs("PM", "cpu") + runs("CM", "cpu")).verdict == "trend holds"
    assert judge(costs, runs("PM", "cpu") + runs("CM", "cuda")).verdict == "not tested"
    assert judge(claim("equivalent"), runs("PM", "cpu") + runs("CM", "cuda")).verdict == "trend holds"


def test_runs_of_two_processors_are_compared_and_named(make_runs):
    a, b = (make_runs(name, [0.8, 0.81, 0.8, 0.82, 0.8], environment__cpu=cpu) for name, cpu in (("PM", "one"), ("CM", "other")))
    verdict = judge(claim(), [*a, *b])
    assert verdict.n == 5
    assert "more than one model of processor" in verdict.reason
    assert "processor" not in judge(claim(), [*a, *make_runs("CM", [0.7] * 5, environment__cpu="one")]).reason


def test_of_two_records_of_a_seed_the_later_counts(pair):
    verdict = judge(claim(), pair(noisy(0.6), noisy(0.7)) + pair(noisy(0.8), noisy(0.7)))
    assert verdict.verdict == "trend holds"
    assert "6 earlier records" in verdict.reason


def test_unmeasured_seeds_are_left_out_and_named(pair):
    verdict = judge(claim(), pair([*noisy(0.8), float("nan")], noisy(0.7, 7)))
    assert (verdict.n, verdict.verdict) == (6, "trend holds")
    assert "no class_accuracy for seed 6" in verdict.reason
    assert len(verdict.records) == 12
    assert judge(claim(metric="unheard_of"), pair(noisy(0.8), noisy(0.7))).verdict == "not tested"


def test_settings_pick_records_and_open_settings_must_agree(pair):
    small = pair(noisy(0.8), noisy(0.7), spec__settings={"backbone": "small"})
    large = pair(noisy(0.7), noisy(0.8), spec__settings={"backbone": "large"})
    tuned = pair(noisy(0.5), noisy(0.9), spec__settings={"backbone": "small", "alpha": 0.1})
    assert judge(claim(settings={"backbone": "small"}), small + large).verdict == "trend holds"
    assert judge(claim(settings={"backbone": "large"}), small + large).verdict == "not reproduced"
    assert judge(claim(settings={"backbone": "small"}), small + tuned).verdict == "trend holds"
    assert "differ in settings" in judge(claim(), small + large).reason
    assert judge(claim(settings={"backbone": "tiny"}), small).reason == "no record"


def test_a_file_of_weights_is_a_start_and_no_setting_that_must_match(make_runs):
    pretrained = make_runs("PM", noisy(0.8), spec__settings={"weights": "vgg16.safetensors"})
    assert judge(claim(), pretrained + make_runs("CM", noisy(0.7))).verdict == "trend holds"
    large, small = ({"weights": "a", "backbone": size} for size in ("large", "small"))
    other = make_runs("PM", noisy(0.8), spec__settings=large) + make_runs("CM", noisy(0.7), spec__settings=small)
    assert "differ in settings" in judge(claim(), other).reason


def test_records_of_another_paper_dataset_or_variant_do_not_count(pair):
    elsewhere = pair(noisy(0.8), noisy(0.7), spec__paper="channel_attention")
    assert judge(claim(paper="attribute_estimation"), elsewhere).reason == "no record"
    assert judge(claim(), pair(noisy(0.8), noisy(0.7), spec__dataset="svhn")).reason == "no record"
    assert judge(claim(a="XM"), pair(noisy(0.8), noisy(0.7))).reason.startswith("0 usable seeds")


def test_the_epoch_named_by_the_claim_is_read(make_runs):
    selected = make_runs("PM", noisy(0.8))
    runs = [seal(run | {"metrics": run["metrics"] | {"last": {"class_accuracy": 0.1}}}) for run in selected]
    above = claim("greater_than_value", value=0.5)
    assert judge(above, runs).verdict == "trend holds"
    assert judge(dataclasses.replace(above, epoch="last"), runs).verdict == "not reproduced"


def test_mixed_records_must_be_told_apart(pair):
    mixed = pair(noisy(0.8), noisy(0.7)) + pair(noisy(0.8), noisy(0.7), spec__scale="paper")
    with pytest.raises(InputError, match="mixed"):
        judge(claim(), mixed)
    assert judge(claim(), mixed, scale="paper").verdict == "reproduced"
    assert judge(claim(), mixed, scale="reduced").verdict == "trend holds"
    with pytest.raises(InputError, match="huge"):
        judge(claim(), mixed, scale="huge")
