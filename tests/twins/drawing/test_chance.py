import torch
from mtattr.twins.drawing.chance import joined_digest, normal_numbers, uniform_numbers
from scipy import stats


def stream(**changes):
    given = {"name": "toy", "split": "train", "block": 0, "seed": 0} | changes
    return uniform_numbers(given["name"], given["split"], given["block"], seed=given["seed"], rows=4096)


def test_numbers_are_multiples_of_a_power_of_two_in_the_unit_interval():
    numbers = stream()(3)
    assert numbers.shape == (4096, 3)
    assert numbers.dtype == torch.float64
    assert torch.equal(numbers * 2**24, (numbers * 2**24).round())
    assert 0 <= float(numbers.min()) < float(numbers.max()) < 1
    assert stats.kstest(numbers.flatten().numpy(), "uniform").pvalue > 0.001


def test_streams_are_told_apart_by_everything_that_names_them():
    first = stream()(1)
    assert torch.equal(first, stream()(1))
    for change in ({"name": "other"}, {"split": "val"}, {"block": 1}, {"seed": 1}):
        assert not torch.equal(first, stream(**change)(1))
    uniform = stream()
    assert not torch.equal(uniform(1), uniform(1))


def test_the_numbers_are_the_same_on_every_machine():
    assert joined_digest(stream()(5)) == "35691457024804c33ff33b037e8959d2e1ac28421698415b388131d321705208"
    assert joined_digest(normal_numbers(stream(), 5)) == "8a82c3987a16e291322fe625854a7db0a35194b8ea41583f98feb648eeef7732"


def test_normal_numbers_are_nearly_normal():
    numbers = normal_numbers(stream(), 4).flatten()
    assert abs(float(numbers.mean())) < 0.03
    assert abs(float(numbers.std()) - 1) < 0.03
    assert stats.kstest(numbers.numpy(), "norm").pvalue > 0.001
    # Sums of twelve multiples of 2**-24 lose nothing in float64.
    assert torch.equal(numbers * 2**24, (numbers * 2**24).round())


def test_digest_depends_on_every_part():
    a, b = torch.arange(3), torch.ones(2)
    assert joined_digest(a, b) == joined_digest(a.clone(), b.clone())
    assert len({joined_digest(a, b), joined_digest(b, a), joined_digest(a), joined_digest(a, b + 1)}) == 4
