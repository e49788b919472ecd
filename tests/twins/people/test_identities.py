import pytest
from mtattr.data.held_out import validation_identities
from mtattr.twins.people.identities import in_gallery_only, role_identities, split_identities

DOMAINS = ("market1501", "duke")


@pytest.mark.parametrize("domain", DOMAINS)
def test_splits_are_disjoint_and_follow_the_rule_of_the_real_loaders(domain):
    numbers = {split: {number for _, number in split_identities(domain, split)} for split in ("train", "val", "test")}
    assert numbers["train"].isdisjoint(numbers["val"])
    assert numbers["test"].isdisjoint(numbers["train"] | numbers["val"])
    assert validation_identities(numbers["train"] | numbers["val"]) == numbers["val"]
    assert 0.10 < len(numbers["val"]) / len(numbers["train"] | numbers["val"]) < 0.17
    assert min(numbers["train"] | numbers["test"]) >= 1
    assert max(numbers["train"] | numbers["test"]) <= 9999


def test_numbers_are_dense_in_one_set_and_sparse_in_the_other():
    assert sorted(role_identities("market1501", "train") + role_identities("market1501", "test")) == list(range(1, 10_000))
    sparse = role_identities("duke", "train") + role_identities("duke", "test")
    assert 0.2 < len(sparse) / 10_000 < 0.3
    shares = [sum(in_gallery_only(domain, n) for n in role_identities(domain, "test")) for domain in DOMAINS]
    assert shares[0] == 0
    assert 0.3 < shares[1] / len(role_identities("duke", "test")) < 0.45


def test_positions_count_within_the_official_half():
    half = role_identities("market1501", "train")
    for split in ("train", "val"):
        assert all(half[position] == number for position, number in split_identities("market1501", split))
