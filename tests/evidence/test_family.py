"""Verdicts of a whole paper, recomputed from the written rule with numpy and scipy alone."""

from dataclasses import replace

import numpy as np
import pytest
from mtattr.evidence import Claim, judge, judge_all, load_paper, tally
from scipy import stats

from cases import each

ALPHA, GATE = 0.05, 0.40


def claim(name, kind="greater", **changes):
    needs = {"equivalent": {"margin": 0.01}, "ratio": {"margin": 0.05}, "greater_than_value": {"value": 0.6, "b": None}}.get(kind, {})
    fields = {"statement": "s", "where": "Table 2", "metric": "class_accuracy", "a": "v0", "b": "v1", "datasets": ("digits",), "edition": 2}
    if kind in ("greater", "differs", "greater_than_value"):
        fields["smallest_effect"] = 0.01
    return Claim(id=name, kind=kind, **(fields | needs | changes))


def paper_of(*claims):
    return replace(load_paper("attribute_estimation"), edition=2, claims=claims)


def holm_by_hand(p):
    adjusted, highest = {}, 0.0
    for rank, key in enumerate(sorted(p, key=p.get)):
        highest = max(highest, (len(p) - rank) * p[key])
        adjusted[key] = min(1.0, highest)
    return adjusted


def spread_of(c, a, b, block):
    """Difference by seed against the bound, its standard error and degrees of freedom."""
    n = len(a)
    if c.kind == "ratio":
        d = a / b - 1
    elif c.kind == "greater_than_value":
        d = a - c.value
    else:
        d = a - b
    if c.kind in ("greater", "differs", "equivalent") and len(block) >= 3:
        residual = block - block.mean(1, keepdims=True) - block.mean(0) + block.mean()
        if stats.levene(*residual, center="mean").pvalue >= ALPHA:
            df = (len(block) - 1) * (n - 1)
            return d.mean(), np.sqrt((residual**2).sum() / df * 2 / n), df
    return d.mean(), d.std(ddof=1) / np.sqrt(n), n - 1


def decide_by_hand(c, mean, error, df):
    """(holds, excluded, within the smallest effect, p)"""
    low, high = (mean + sign * stats.t.ppf(0.975, df) * error for sign in (-1, 1))
    low90, high90 = (mean + sign * stats.t.ppf(0.95, df) * error for sign in (-1, 1))

    def two_sided(null):
        return 2 * stats.t.sf(abs(mean - null) / error, df)

    margin = c.margin or 0.0
    if c.kind in ("greater", "greater_than_value"):
        small = low90 > margin - c.smallest_effect and high90 < margin + c.smallest_effect
        return low > margin, high < margin, small, two_sided(margin)
    if c.kind in ("equivalent", "ratio"):
        tost = max(stats.t.sf((mean + margin) / error, df), stats.t.cdf((mean - margin) / error, df))
        outside = abs(mean) >= margin and not tost < ALPHA
        p = two_sided(np.sign(mean) * margin) if outside else tost
        return low90 > -margin and high90 < margin, low > margin or high < -margin, False, p
    small = low90 > -c.smallest_effect and high90 < c.smallest_effect
    return low > 0 or high < 0, False, small, two_sided(0.0)


def recompute(claims, scores, shares):
    """Verdict, p and p after Holm of every claim on every dataset, by the written rule."""
    words, ps = {}, {}
    for c in claims:
        for dataset in c.datasets:
            cell = scores[dataset, c.settings.get("backbone")]
            share = shares[dataset, c.settings.get("backbone")]
            compared = [c.a] + ([c.b] if c.b else [])
            key = c.id, dataset
            if min(share[v].min() for v in compared) < GATE:
                words[key] = "not tested"
                continue
            block = np.array([row for v, row in cell.items() if share[v].min() >= GATE])
            b = cell[c.b] if c.b else None
            estimate = spread_of(c, cell[c.a], b, block)
            holds, excluded, small, p = decide_by_hand(c, *estimate)
            words[key] = ("trend holds" if holds else "not reproduced" if excluded else "", small, p)
            ps[key] = p
    primary = {c.id for c in claims if c.where != "ours"}
    corrected = holm_by_hand({key: p for key, p in ps.items() if key[0] in primary})
    verdicts = {}
    for key, found in words.items():
        if found == "not tested":
            verdicts[key] = (found, None, None)
            continue
        word, small, p = found
        if key in corrected and corrected[key] >= ALPHA:
            word = ""
        verdicts[key] = (word or ("no difference" if small else "inconclusive"), p, corrected.get(key))
    return verdicts


@each("seed", range(12))
def test_verdicts_are_those_of_an_independent_computation(make_record, seed):
    rng = np.random.default_rng(seed)
    claims = [
        claim("greater", settings={"backbone": "s"}, datasets=("digits", "svhn")),
        claim("ordering", b="v2", settings={"backbone": "s"}),
        claim("ours", a="v2", where="ours", settings={"backbone": "s"}, datasets=("digits", "svhn")),
        claim("differs", "differs", b="v3", settings={"backbone": "l"}),
        claim("equal", "equivalent", a="v2", b="v3", settings={"backbone": "s"}, datasets=("digits", "svhn")),
        claim("ratio", "ratio", settings={"backbone": "l"}),
        claim("bound", "greater_than_value", settings={"backbone": "s"}, datasets=("digits", "svhn")),
        claim("margin", b="v2", margin=0.02, settings={"backbone": "l"}),
    ]
    scores, shares, records = {}, {}, []
    for dataset, backbone in (("digits", "s"), ("svhn", "s"), ("digits", "l")):
        means = 0.6 + rng.choice([0.0, 0.0, 0.005, 0.03], 5)
        spread = rng.choice([0.001, 0.004, 0.01]) * np.array([1, 1, 1, 1, rng.choice([1, 8])])
        cell = means[:, None] + rng.normal(size=(5, 6)) * spread[:, None] + rng.normal(size=6) * 0.03
        scores[dataset, backbone] = {f"v{v}": cell[v] for v in range(5)}
        shares[dataset, backbone] = {f"v{v}": rng.uniform(0.38 if rng.random() < 0.2 else 0.5, 0.9, 6) for v in range(5)}
        about = {"spec__dataset": dataset, "spec__settings": {"backbone": backbone}, "edition": 2}
        records += [
            make_record(
                float(cell[v, s]),
                spec__variant=f"v{v}",
                spec__seed=s,
                learned={"share": float(shares[dataset, backbone][f"v{v}"][s])},
                **about,
            )
            for v in range(5)
            for s in range(6)
        ]
    ours = judge_all(paper_of(*claims), records, scale="reduced")
    theirs = recompute(claims, scores, shares)
    assert ours.keys() == theirs.keys()
    for key, (word, p, p_holm) in theirs.items():
        found = ours[key]
        assert found.verdict == word, (key, found)
        assert found.p == (None if p is None else pytest.approx(p, rel=1e-6, abs=1e-14)), key
        assert found.p_holm == (None if p_holm is None else pytest.approx(p_holm, rel=1e-6, abs=1e-14)), key


def noisy(mean, spread):
    return [mean + spread * x for x in (-1.2, 0.4, 0.9, -0.7, 0.6)]


@pytest.fixture
def family(make_runs):
    """Runs in which v0 beats v1 by little and v2 by much; every variant has settings of its own block."""

    def build(dataset="digits"):
        about = {"spec__dataset": dataset, "edition": 2}
        shifts = {"v0": noisy(0.0, 0.004), "v1": [-0.005] * 5, "v2": [-0.1] * 5}
        return [run for v, shift in shifts.items() for run in make_runs(v, [0.7 + x for x in shift], **about)]

    return build


def test_one_claim_alone_pays_for_the_others_of_its_paper(family):
    weak = claim("weak", block="pair", block_variants=("v0", "v1"))
    alone = judge(weak, family())
    assert alone.verdict == "trend holds"
    assert 0.025 < alone.p < 0.05
    assert alone.p_holm is None
    others = [
        claim(f"open-{i}", kind="differs", a="v0", b="v1", smallest_effect=0.001, block="pair", block_variants=("v0", "v1"))
        for i in range(2)
    ]
    found = judge_all(paper_of(weak, *others), family(), scale="reduced")["weak", "digits"]
    assert found.p_holm == pytest.approx(3 * alone.p)
    assert found.verdict == "no difference"
    assert f"not after Holm (p = {3 * alone.p:.3f}; alone trend holds" in found.reason
    strict = [replace(c, smallest_effect=0.001) for c in (weak, *others)]
    open_again = judge_all(paper_of(*strict), family(), scale="reduced")["weak", "digits"]
    assert open_again.verdict == "inconclusive"
    assert open_again.reason.startswith("not after Holm")


def test_the_family_are_the_primary_claims_that_were_tested(family):
    pair = {"block": "pair", "block_variants": ("v0", "v1")}
    asked = [
        claim("weak", **pair),
        claim("ours", where="ours", **pair),
        claim("exploratory", exploratory=True, **pair),
        claim("secondary", primary=False, **pair),
        claim("untested", a="v7"),
        claim("strong", b="v2", block="large", block_variants=("v0", "v2")),
    ]
    verdicts = judge_all(paper_of(*asked), family(), scale="reduced")
    p = {key[0]: found.p_holm for key, found in verdicts.items()}
    assert [name for name, value in p.items() if value is not None] == ["weak", "strong"]
    weak, strong = verdicts["weak", "digits"], verdicts["strong", "digits"]
    assert strong.p < weak.p
    assert (weak.p_holm, strong.p_holm) == (pytest.approx(weak.p), pytest.approx(2 * strong.p))
    assert {verdicts[name, "digits"].verdict for name in ("ours", "exploratory", "secondary")} == {"trend holds"}
    ours_too = judge_all(paper_of(asked[0], replace(asked[1], primary=True)), family(), scale="reduced")
    assert ours_too["ours", "digits"].p_holm == pytest.approx(2 * weak.p)


def test_all_datasets_are_one_family(family):
    both = claim("weak", datasets=("digits", "svhn"), block="pair", block_variants=("v0", "v1"))
    verdicts = judge_all(paper_of(both), family() + family("svhn"), scale="reduced")
    assert verdicts["weak", "digits"].p_holm == pytest.approx(2 * verdicts["weak", "digits"].p)


def test_every_claim_and_dataset_has_a_verdict_and_counts_once(family):
    paper = paper_of(claim("a", datasets=("digits", "svhn")), claim("b", b="v2"))
    verdicts = judge_all(paper, family(), scale="reduced")
    assert list(verdicts) == [("a", "digits"), ("a", "svhn"), ("b", "digits")]
    counts = tally(verdicts.values())
    assert sum(counts.values()) == 3
    assert counts["not tested"] == 1
    assert tally([]) == dict.fromkeys(counts, 0)
