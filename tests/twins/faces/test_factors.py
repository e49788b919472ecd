import pytest
import torch
from mtattr.twins.faces.attributes import INDEX, NAMES
from mtattr.twins.faces.factors import (
    BEARD_KINDS,
    FACTORS,
    HAIR_COLOURS,
    HAIR_FORMS,
    LOADINGS,
    OWN_SHARES,
    OWN_WEIGHTS,
    THRESHOLDS,
    factor_of,
    loading_table,
    present_attributes,
)

N = 4000


@pytest.fixture(scope="module")
def causes():
    generator = torch.Generator().manual_seed(0)
    factors = torch.randn(N, len(FACTORS), generator=generator, dtype=torch.float64)
    return factors, torch.randn(N, len(NAMES), generator=generator, dtype=torch.float64)


def test_table_names_every_attribute_and_every_factor():
    assert tuple(LOADINGS) == tuple(THRESHOLDS) == tuple(OWN_SHARES) == NAMES
    assert {factor for loadings in LOADINGS.values() for factor in loadings} == set(FACTORS)
    shares = (*FACTORS.values(), *OWN_SHARES.values())
    assert all(0 <= share <= 1 for share in shares)


def test_scores_have_variance_one():
    variance = (loading_table() ** 2).sum(1) + torch.tensor([OWN_WEIGHTS[name] ** 2 for name in NAMES])
    assert torch.allclose(variance, torch.ones(40, dtype=torch.float64), atol=1e-12)


def test_loadings_cannot_be_changed_by_a_reader():
    with pytest.raises(TypeError):
        LOADINGS["Bald"]["age"] = 0.0


def test_scores_are_the_matrix_product_of_the_definition(causes):
    factors, own = causes
    threshold = torch.tensor([THRESHOLDS[name] for name in NAMES])
    weight = torch.tensor([OWN_WEIGHTS[name] for name in NAMES])
    expected = factors @ loading_table().T + own * weight > threshold
    found = present_attributes(factors, own)
    free = [
        k
        for k, name in enumerate(NAMES)
        if name not in (*BEARD_KINDS, *HAIR_COLOURS, *HAIR_FORMS, "No_Beard", "Bald", "Bangs", "Receding_Hairline")
    ]
    assert torch.equal(found[:, free], expected[:, free])
    # Rules take away all but one thing: a face that cannot have a beard has none.
    added = found & ~expected
    assert set(added.any(0).nonzero()[:, 0].tolist()) == {INDEX["No_Beard"]}


def test_rules_hold(causes):
    shown = present_attributes(*causes)
    of = {name: shown[:, k] for name, k in INDEX.items()}
    women = ~of["Male"]
    assert of["No_Beard"][women].all()
    for name in BEARD_KINDS:
        assert of[name].any()
        assert not of[name][women].any()
    assert of["Bald"].any()
    for name in (*HAIR_COLOURS, *HAIR_FORMS, "Bangs", "Receding_Hairline", "Wearing_Hat"):
        assert not (of[name] & of["Bald"]).any()
    assert not (of["Bangs"] & of["Receding_Hairline"]).any()


def test_a_factor_moves_the_attributes_that_follow_it(causes):
    factors, own = causes
    for column, factor in enumerate(FACTORS):
        low, high = factors.clone(), factors.clone()
        low[:, column], high[:, column] = -2, 2
        change = present_attributes(high, own).double().mean(0) - present_attributes(low, own).double().mean(0)
        for name, loadings in LOADINGS.items():
            if abs(loadings.get(factor, 0)) >= 0.3 and name not in HAIR_COLOURS:
                assert change[INDEX[name]] * loadings[factor] > 0.02, (factor, name)


def test_factor_of_names_the_strongest_if_any():
    assert factor_of("Smiling") == "expression"
    assert factor_of("Chubby") == "weight"
    assert factor_of("Young") == "age"
    assert factor_of("Male") == "gender"
    assert factor_of("Blurry") is None
    assert factor_of("Narrow_Eyes") is None
    assert factor_of("Narrow_Eyes", at_least=0.2) == "expression"
