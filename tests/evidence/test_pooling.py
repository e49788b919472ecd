from dataclasses import replace

import pytest
from mtattr.evaluation import random_effects
from mtattr.evidence import Claim, Pooling, judge_all, load_paper, pool


def claim(name, **changes):
    fields = {"statement": "s", "where": "Table 2", "metric": "class_accuracy", "kind": "greater", "a": "PM", "b": "CM"}
    return Claim(id=name, datasets=("digits", "svhn"), smallest_effect=0.01, edition=2, **fields, **changes)


@pytest.fixture
def paper():
    claims = (claim("small", settings={"backbone": "small"}), claim("large", settings={"backbone": "large"}))
    asked = (Pooling("both", "s", ("small", "large"), 0.05), Pooling("one", "s", ("large",)))
    return replace(load_paper("attribute_estimation"), edition=2, claims=claims, pooled=asked)


@pytest.fixture
def runs(make_runs):
    def build(shift, dataset, backbone, **changes):
        about = {"spec__dataset": dataset, "spec__settings": {"backbone": backbone}, "edition": 2} | changes
        noise = [0.001, -0.002, 0.003, 0.0, -0.001]
        return make_runs("PM", [0.7 + shift + x for x in noise], **about) + make_runs("CM", [0.7] * 5, **about)

    return build


def test_differences_of_all_data_and_networks_are_pooled(paper, runs):
    shifts = {("small", "digits"): 0.01, ("small", "svhn"): 0.02, ("large", "digits"): 0.015}
    records = [run for (name, dataset), shift in shifts.items() for run in runs(shift, dataset, name)]
    verdicts = judge_all(paper, records, scale="reduced")
    both, one = pool(paper, verdicts)
    estimates = [verdicts[key].estimate for key in shifts]
    assert both.effects == random_effects([e.mean for e in estimates], [e.error for e in estimates])
    assert both.effects.pooled.n == 3
    assert both.within is True
    assert (one.effects.pooled.n, one.effects.pooled.mean) == (1, pytest.approx(0.0152))
    assert one.within is None


def test_untrained_networks_do_not_count(paper, runs):
    records = runs(0.01, "digits", "small") + runs(0.3, "svhn", "small", learned={"share": 0.1}) + runs(0.02, "digits", "large")
    both, _ = pool(paper, judge_all(paper, records, scale="reduced"))
    assert [found.dataset for found in both.verdicts] == ["digits", "digits"]
    assert both.effects.pooled.mean < 0.03


def test_without_a_tested_claim_nothing_is_pooled(paper):
    both, one = pool(paper, judge_all(paper, [], scale="reduced"))
    assert both.effects is one.effects is None
