import pytest
from mtattr.errors import InputError
from mtattr.training.spec import RunSpec


def folder(**changes):
    fields = {"paper": "p", "variant": "v", "dataset": "d", "scale": "smoke", "seed": 1, "settings": {"a": 1, "b": [2]}} | changes
    return RunSpec(**fields).folder_name(code_digest="c", data_fingerprint="f")


def test_folder_depends_on_every_field_and_not_on_the_order_of_settings():
    changes = [{"paper": "q"}, {"variant": "w"}, {"dataset": "e"}, {"scale": "reduced"}, {"seed": 2}, {"settings": {"a": 2, "b": [2]}}]
    names = {folder(), *(folder(**change) for change in changes)}
    assert len(names) == 1 + len(changes)
    assert folder(settings={"b": [2], "a": 1}) == folder()
    spec = RunSpec("p", "v", "d", "smoke")
    assert spec.folder_name(code_digest="c", data_fingerprint="f") != spec.folder_name(code_digest="x", data_fingerprint="f")
    assert spec.folder_name(code_digest="c", data_fingerprint="f") != spec.folder_name(code_digest="c", data_fingerprint="x")


def test_round_trip_and_hash():
    spec = RunSpec("p", "v", "d", "paper", 3, {"x": 0.5})
    assert RunSpec.from_dict(spec.to_dict()) == spec
    assert hash(RunSpec.from_dict(spec.to_dict())) == hash(spec)


@pytest.mark.parametrize(
    ("changes", "message"), [({"scale": "huge"}, "scale 'huge'"), ({"seed": -1}, "seed -1"), ({"settings": {"a": object()}}, "settings")]
)
def test_bad_specs_say_what_is_wrong(changes, message):
    with pytest.raises(InputError, match=message):
        folder(**changes)
