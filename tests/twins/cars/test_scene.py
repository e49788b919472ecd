import torch
from mtattr.twins.cars.makes import BODIES, MAKES, MODELS, bodies_of
from mtattr.twins.cars.scene import LABEL_NOISE, VIEWPOINTS, sample_scenes

FIELDS = ("makes", "bodies", "viewpoints", "parameters", "filed")


def test_streams_are_repeatable_prefixes_and_disjoint():
    long, short = sample_scenes("train", 700), sample_scenes("train", 300)
    assert all(torch.equal(getattr(long, field)[:300], getattr(short, field)) for field in FIELDS)
    others = [sample_scenes(split, 300, seed).parameters[:, 0] for split, seed in (("val", 0), ("test", 0), ("train", 1))]
    every = torch.cat([short.parameters[:, 0], *others])
    assert len(torch.unique(every)) > 0.999 * len(every)
    assert short.parameters.min() >= 0
    assert short.parameters.max() < 1


def test_scenes_are_the_same_on_every_machine():
    scenes = sample_scenes("train", 300)
    assert scenes.digest == "bfa6d392bb1a1afaa0e7eccdb65d2792f91651d80aced341b606fb61098b768f"
    assert scenes.filed[:12].tolist() == [31, 7, 16, 6, 8, 6, 46, 33, 17, 18, 37, 34]


def test_models_and_viewpoints_have_the_documented_shares():
    scenes = sample_scenes("train", 20_000)
    assert (scenes.models >= 0).all()
    counts = torch.bincount(scenes.models, minlength=len(MODELS))
    assert (counts - 20_000 / len(MODELS)).abs().max() < 5 * (20_000 / len(MODELS)) ** 0.5
    for code, share in VIEWPOINTS.items():
        assert abs(float((scenes.viewpoints == code).double().mean()) - share) < 0.015
    assert abs(sum(VIEWPOINTS.values()) - 1) < 1e-9


def test_label_noise_is_what_is_documented():
    scenes = sample_scenes("train", 40_000)
    wrong = scenes.filed != scenes.models
    assert abs(float(wrong.double().mean()) - LABEL_NOISE["model_wrong"]) < 0.004
    make_of = torch.tensor([model.make for model in MODELS])
    other = make_of[scenes.filed[wrong]] != scenes.makes[wrong]
    assert abs(float(other.double().mean()) - LABEL_NOISE["of_these_other_make"]) < 0.06


def test_labels_follow_from_the_model_under_which_an_image_is_filed():
    scenes = sample_scenes("val", 500)
    for filed, (model, make, kind) in zip(scenes.filed.tolist(), scenes.labels.tolist(), strict=True):
        assert model == filed
        assert make == MODELS[filed].make
        assert kind == MODELS[filed].type if MODELS[filed].type is not None else kind != kind
    unknown = scenes.labels[:, 2].isnan().double().mean()
    assert 0.01 < float(unknown) < 0.09


def test_nothing_but_marks_and_body_tells_the_model():
    """No parameter depends on make or body: every one has the same mean in each, within chance."""
    scenes = sample_scenes("train", 20_000)
    for labels, n in ((scenes.makes, len(MAKES)), (scenes.bodies, len(BODIES))):
        means = torch.stack([scenes.parameters[labels == k].mean(0) for k in range(n)])
        counts = torch.bincount(labels, minlength=n)[:, None]
        assert ((means - 0.5).abs() * (12 * counts).sqrt()).max() < 5


def test_toggling_changes_one_thing_and_goes_round():
    scenes = sample_scenes("test", 200)
    make, body = scenes.toggled("make"), scenes.toggled("type")
    assert (make.makes != scenes.makes).all()
    assert torch.equal(make.bodies, scenes.bodies)
    assert (body.bodies != scenes.bodies).all()
    assert torch.equal(body.makes, scenes.makes)
    assert torch.equal(scenes.toggled("model").bodies, body.bodies)
    assert all(int(b) in bodies_of(int(m)) for m, b in zip(body.makes, body.bodies, strict=True))
    for other in (make, body):
        assert all(torch.equal(getattr(other, field), getattr(scenes, field)) for field in ("viewpoints", "parameters", "filed"))
    again = scenes
    for _ in range(4):
        again = again.toggled(2)
    assert torch.equal(again.bodies, scenes.bodies)
