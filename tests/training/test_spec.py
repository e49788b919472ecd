from mtattr.training.spec import RunSpec

from cases import assert_refused


def spec(**changes):
    fields = {"paper": "p", "variant": "v", "dataset": "d", "scale": "smoke", "seed": 1, "settings": {"a": 1, "b": [2]}}
    return RunSpec(**fields | changes)


def folder(identity=(), **changes):
    made = spec(**changes)
    return made.folder_name({"spec": made.to_dict(), **dict(identity)})


def test_folder_depends_on_the_identity_and_not_on_the_order_of_settings():
    changes = [{"paper": "q"}, {"variant": "w"}, {"dataset": "e"}, {"scale": "reduced"}, {"seed": 2}, {"settings": {"a": 2, "b": [2]}}]
    names = {folder(), folder({"code": "c"}), folder({"code": "x"}), *(folder(**change) for change in changes)}
    assert len(names) == 3 + len(changes)
    assert folder(settings={"b": [2], "a": 1}) == folder()
    assert folder().startswith("p-v-d-smoke-seed1-")


def test_round_trip_and_hash():
    made = RunSpec("p", "v", "d", "paper", 3, {"x": 0.5})
    assert RunSpec.from_dict(made.to_dict()) == made
    assert hash(RunSpec.from_dict(made.to_dict())) == hash(made)


def test_bad_specs_say_what_is_wrong():
    for changes, message in (
        ({"scale": "huge"}, "scale 'huge'"),
        *(({"seed": value}, f"seed {value}") for value in (-1, True, 1.0, 2**63)),
        *(({"variant": value}, "variant") for value in ("", "a/b", ".hidden", None)),
        ({"settings": {"a": object()}}, "settings"),
        ({"settings": {"a": float("nan")}}, "settings"),
    ):
        assert_refused(message, spec, **changes)
