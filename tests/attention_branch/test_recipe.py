from dataclasses import replace

import pytest
import timm
import torch
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, ClassActivationNet, MultitaskAttentionBranchNet, attention_branch_loss
from mtattr.attention_branch.backbones import PAPER_BACKBONES, SMALL_BACKBONES
from mtattr.attention_branch.recipe import EVIDENCE, VARIANTS, check, data, evidence, plan, requires
from mtattr.attention_branch.sizes import BACKBONE, SIZES, load_splits, size_of
from mtattr.data.image_data import ImageData
from mtattr.evaluation import count_parameters
from mtattr.evidence import load_paper
from mtattr.tasks import Task, TaskSet
from mtattr.training import Batch, RunSpec, fit_or_load, per_task_loss, plan_for
from mtattr.twins import cars, digits, faces
from safetensors.torch import save_file

from cases import assert_refused

DIGITS, CARS, FACES = "cluttered-digits", "compcars-twin", "celeba-twin"
#: Variants by dataset: some are of many attributes, some of the make of a car.
MAKES = [name for name in VARIANTS if name.startswith("make-")]
ATTRIBUTES = ["one-map", "average", "sigmoid", "sequential"]
PLAIN = [name for name in VARIANTS if name not in (*MAKES, *ATTRIBUTES)]
ALLOWED = {DIGITS: PLAIN, CARS: [*PLAIN, *MAKES], FACES: [*PLAIN, *ATTRIBUTES]}


def classes(name, count):
    return Task(name, "categorical", tuple(map(str, range(count))))


TASKS = {
    DIGITS: digits.TASKS,
    CARS: cars.TASKS.select(["model", "make"]),
    FACES: faces.TASKS,
    "cifar10": TaskSet([classes("class", 10)]),
    "cifar100": TaskSet([classes("class", 100)]),
    "svhn": TaskSet([classes("class", 10)]),
    "imagenet": TaskSet([classes("class", 1000)]),
    "compcars": TaskSet([classes("model", 432), classes("make", 75)]),
    "celeba": faces.TASKS,
}


def spec(variant="abn", dataset=DIGITS, scale="smoke", seed=0, **settings) -> RunSpec:
    return RunSpec("attention_branch", variant, dataset, scale, seed, settings)


def empty_splits(dataset, scale="smoke"):
    """Splits without an image, of the right size and tasks."""
    size, tasks = size_of(dataset, scale).image_size, TASKS[dataset]
    height, width = size if isinstance(size, tuple) else (size, size)
    images, labels = torch.zeros(0, 3, height, width, dtype=torch.uint8), torch.zeros(0, len(tasks))
    return {split: ImageData(images, labels, tasks, (), dataset, split) for split in ("train", "val", "test")}


class Unseen:
    """A finished run whose network was never trained."""

    def network(self, made):
        assert made.tasks.names == ("model",)
        return made.build().eval()


def plan_of(variant="abn", dataset=DIGITS, scale="smoke", **settings):
    return plan_for(spec(variant, dataset, scale, **settings), data=empty_splits(dataset, scale), give=lambda _: Unseen())


def answers(made, count=2):
    torch.manual_seed(0)
    net = made.build()
    return net, net(torch.rand(count, 3, *made.data["train"].images.shape[2:]))


@pytest.mark.parametrize("dataset", ALLOWED)
def test_every_variant_has_a_logit_for_every_unit_and_trains_by_its_loss(dataset):
    for variant in ALLOWED[dataset]:
        made = plan_of(variant, dataset)
        net, output = answers(made)
        tasks = made.tasks
        units = {DIGITS: 10, CARS: 12 if variant in MAKES else 48, FACES: 40}[dataset]
        assert output.logits.shape == (2, tasks.num_units) == (2, units), variant
        assert tasks.names == {CARS: ("make",) if variant in MAKES else ("model",)}.get(dataset, TASKS[dataset].names), variant
        labels = torch.ones(2, len(tasks))
        losses = made.losses(output, Batch(torch.zeros(2, 3, 8, 8), labels), tasks)
        attention = output.extra.get("attention_logits")
        expected = per_task_loss(output.logits, labels, tasks)
        expected = expected if attention is None else attention_branch_loss(output.logits, attention, labels, tasks)
        assert torch.equal(losses, expected), variant
        losses.sum().backward()
        # Nothing is left that no loss reaches, but the layers of a map that nobody looks at.
        left = {name.split(".")[0] for name, parameter in net.named_parameters() if parameter.grad is None}
        assert left == ({"branch"} if variant.endswith("unattended") else set()), variant


KINDS = {
    "baseline": BaselineNet,
    "matched": BaselineNet,
    "cam": ClassActivationNet,
    "make-baseline": BaselineNet,
    "make-matched": BaselineNet,
}
ONE_MAP = ("eq1", "unattended", "paper-map", "one-map", "make-abn", "make-unattended")


@pytest.mark.parametrize("dataset", ALLOWED)
def test_every_variant_is_the_network_of_its_name(dataset):
    for variant in ALLOWED[dataset]:
        is_the_network_of_its_name(variant, dataset)


def is_the_network_of_its_name(variant, dataset):
    net = plan_of(variant, dataset).build()
    per_task = dataset == FACES and variant not in (*KINDS, *ONE_MAP)
    assert type(net) is KINDS.get(variant, MultitaskAttentionBranchNet if per_task else AttentionBranchNet), variant
    if per_task:
        # As released, unless the variant's name says otherwise.
        branch = net.branch
        found = (branch.pool, branch.maps, net.residual, net.stage.blocks[0].norms[0].statistics, net.head_bias.shape[1])
        expected = {
            "average": ("average", "raw", False, "task", 1),
            "sigmoid": ("max", "sigmoid", True, "task", 1),
            "sequential": ("max", "raw", False, "sequential", 1),
        }
        assert found == expected.get(variant, ("max", "raw", False, "task", 1)), variant
    elif type(net) is AttentionBranchNet:
        assert (net.residual, net.branch.form, net.attend) == {
            "eq1": (False, "released", True),
            "paper-map": (True, "paper", True),
            "unattended": (True, "released", False),
            "make-unattended": (True, "released", False),
        }.get(variant, (True, "released", True))


@pytest.mark.parametrize("scale", ["smoke", "reduced"])
def test_matched_has_the_parameters_of_the_network_with_attention(scale):
    pairs = [(DIGITS, "matched", "abn"), (CARS, "matched", "abn"), (CARS, "make-matched", "make-abn"), (FACES, "matched", "one-map")]
    for dataset, variant, rival in pairs:
        sizes = [count_parameters(plan_of(name, dataset, scale).build()) for name in ("baseline", variant, rival)]
        assert sizes[1] == pytest.approx(sizes[2], rel=0.08), (dataset, variant)
        assert sizes[0] < 0.8 * sizes[2], (dataset, variant)


def test_matched_has_at_least_the_parameters_of_the_network_with_many_maps():
    matched, rival = (count_parameters(plan_of(name, FACES).build()) for name in ("matched", "abn"))
    assert rival <= matched <= 1.15 * rival


@pytest.mark.parametrize("dataset", ["cifar100", pytest.param("celeba", marks=pytest.mark.slow)])
def test_matched_at_paper_scale(dataset):
    plans = [plan_of(name, dataset, "paper") for name in ("matched", "abn")]
    with torch.device("meta"):
        matched, rival = (count_parameters(made.build()) for made in plans)
    assert matched == pytest.approx(rival, rel=0.08)


@pytest.mark.parametrize("dataset", [DIGITS, CARS])
def test_every_small_backbone_can_be_set(dataset):
    for backbone in SMALL_BACKBONES:
        made = plan_of("abn", dataset, backbone=backbone)
        assert answers(made)[1].logits.shape == (2, TASKS[dataset][0].num_units), backbone
        assert f"small relative of {backbone}, random initial weights" in made.notes


@pytest.mark.parametrize(
    ("dataset", "baseline", "whole", "maps"),
    [
        ("cifar10", 1_704_154, 2_999_726, (1, 16, 16)),
        ("cifar100", 1_727_284, 3_056_786, (1, 16, 16)),
        ("svhn", 1_704_154, 2_999_726, (1, 16, 16)),
        ("imagenet", 60_192_808, 78_220_642, (1, 14, 14)),
        ("compcars", None, None, (1, 14, 21)),
        ("celeba", None, 57_628_776, (40, 14, 14)),
    ],
)
def test_at_paper_scale_the_network_is_the_papers(dataset, baseline, whole, maps):
    made, without = (plan_of(variant, dataset, "paper") for variant in ("abn", "baseline"))
    with torch.device("meta"):
        net = made.build()
        output = net.eval()(torch.empty(1, *made.data["train"].images.shape[1:]))
        sizes = count_parameters(without.build()), count_parameters(net)
    assert output.logits.shape == (1, made.tasks.num_units)
    assert output.maps.shape[1:] == maps
    assert [expected in (None, size) for expected, size in zip((baseline, whole), sizes, strict=True)] == [True, True]
    assert made.notes == (f"{BACKBONE[dataset]}, random initial weights",)


def test_settings_of_the_paper_scale_are_the_papers():
    for dataset in ("cifar10", "cifar100", "svhn", "imagenet", "compcars", "celeba"):
        settings = plan_of("abn", dataset, "paper").settings
        assert settings == size_of(dataset, "paper").fit, dataset
        assert settings.weight_decay == 1e-4


def test_wide_networks_decay_more_at_paper_scale_alone():
    decays = {
        name: plan_of("abn", "cifar100", "paper", backbone=name).settings.weight_decay
        for name in ("wrn", "resnext", "densenet", "resnet20")
    }
    assert decays == {"wrn": 5e-4, "resnext": 5e-4, "densenet": 1e-4, "resnet20": 1e-4}
    small = size_of(DIGITS, "smoke").fit.weight_decay
    assert plan_of("abn", DIGITS, backbone="wrn").settings.weight_decay == small


def test_networks_of_photographs_have_the_stem_of_the_scale():
    for dataset in (CARS, FACES):
        for variant in ("baseline", "matched", "abn"):
            assert plan_of(variant, dataset, backbone="resnet101").build().stride == 4 * size_of(dataset, "smoke").stem_stride
    assert size_of(FACES, "smoke").stem_stride > 1


def test_epochs_and_learning_rate_can_be_set_and_nothing_else_changes():
    base, changed = plan_of().settings, plan_of(epochs=7, learning_rate=0.5).settings
    assert (changed.epochs, changed.learning_rate) == (7, 0.5)
    assert replace(changed, epochs=base.epochs, learning_rate=base.learning_rate) == base


def test_execution_and_chunk_reach_the_network():
    for execution in ("loop", "fold", "shared"):
        net = plan_of("abn", FACES, execution=execution, chunk=7).build()
        assert (net.execution, net.chunk) == (execution, 7)
        assert plan_of("sequential", FACES, execution=execution).build().execution == execution
    default = plan_of("abn", FACES).build()
    assert (default.execution, default.chunk) == ("shared", None)


def test_all_variants_of_a_dataset_are_paired_on_the_same_data():
    for dataset, variants in ALLOWED.items():
        assert len({plan_of(variant, dataset).fingerprint for variant in variants}) == 1


def test_tasks_weigh_the_same_and_the_printed_metric_selects():
    for variant, dataset in (("abn", DIGITS), ("make-abn", CARS), ("abn", FACES)):
        made = plan_of(variant, dataset)
        tasks, measures = made.tasks, made.measures
        torch.testing.assert_close(made.task_weights, torch.full((len(tasks),), 1 / len(tasks)))
        assert measures.select_by == ("mean_accuracy" if dataset == FACES else "class_accuracy")
        logits, labels = torch.zeros(2, tasks.num_units), torch.zeros(2, len(tasks))
        assert measures.select_by in measures.metrics(logits, labels, tasks)
        assert measures.floors(labels, tasks)[measures.select_by] == 1
        assert len(measures.task_metrics(logits, labels, tasks)["accuracy"]) == len(tasks)


def test_weights_of_the_user_begin_the_network_and_the_record_says_so(tmp_path):
    torch.manual_seed(1)
    given = timm.create_model("resnet18", num_classes=2)
    save_file(given.state_dict(), tmp_path / "resnet18.safetensors")
    how = {"backbone": "resnet18", "weights": str(tmp_path / "resnet18.safetensors")}
    made = plan_of("abn", "celeba", "paper", **how)
    assert made.notes == ("resnet18, weights given by the user",)
    net = made.build()
    assert torch.equal(net.stage.blocks[0].convs[0].weight, given.layer4[0].conv1.weight)
    assert torch.equal(net.branch.stage[0].conv1.weight, given.layer4[0].conv1.weight)
    assert plan_of("abn", "celeba", "paper", backbone="resnet18", weights=None).notes == ("resnet18, random initial weights",)


def test_bad_input_has_one_clear_line_before_any_data_are_read(monkeypatch):
    monkeypatch.setattr("mtattr.attention_branch.recipe.load_splits", lambda *_, **__: pytest.fail("data were read"))
    many, one = "needs several attributes; {} has one class", "applies only to networks with a map for each attribute; {} on {} has one map"
    for wrong, message in (
        (spec("nobody"), "variant 'nobody' is unknown; there are baseline, abn"),
        (spec(dataset="market1501"), "no recipe for dataset 'market1501'"),
        (spec(scale="paper"), "no scale 'paper' for cluttered-digits; there are smoke, reduced"),
        (spec(colour=1), "setting 'colour' is unknown; there are backbone, execution, chunk"),
        (spec(backbone="vgg99"), "setting backbone 'vgg99' is not one of resnet20"),
        (spec(backbone=20), "setting backbone 20 is not one of"),
        (spec("abn", FACES, execution="fast"), "setting execution 'fast' is not one of loop, fold, shared"),
        (spec("abn", FACES, chunk=0), "setting chunk 0 is not a whole number of tasks of at least 1"),
        (spec("abn", FACES, chunk=True), "setting chunk True"),
        (spec(epochs=0), "setting epochs 0 is not a whole number of at least 1"),
        (spec(learning_rate=0), "setting learning_rate 0 is not a number above 0"),
        (spec(learning_rate="fast"), "setting learning_rate 'fast'"),
        (spec(weights=3), "setting weights 3 is not the path of a safetensors file"),
        *((spec(variant), f"variant {variant} {many.format(DIGITS)}") for variant in ATTRIBUTES),
        (spec("one-map", CARS), f"variant one-map {many.format(CARS)}"),
        *((spec(variant), f"variant {variant} learns the make of a car; cluttered-digits has none") for variant in MAKES),
        (spec("make-abn", FACES), "variant make-abn learns the make of a car; celeba-twin has none"),
        (spec(execution="loop"), f"setting execution {one.format('abn', DIGITS)}"),
        (spec("one-map", FACES, chunk=3), f"setting chunk {one.format('one-map', FACES)}"),
        (spec("baseline", FACES, execution="fold"), f"setting execution {one.format('baseline', FACES)}"),
        (spec(backbone="resnet18"), "backbone resnet18 has no small relative for scale smoke; there are resnet20"),
        (spec("abn", FACES, backbone="vgg16"), "a map for each attribute needs a stage of plain residual blocks, and vgg16 has none"),
        *((spec("abn", FACES, backbone=name), "plain residual blocks") for name in ("wrn", "densenet", "seresnet152")),
        (spec("abn", "celeba", "paper", backbone="seresnet50"), "plain residual blocks"),
        (spec(weights="any.safetensors"), "weights need scale paper; .* is small here"),
        (spec("abn", "cifar10", "paper", weights="any.safetensors"), "weights exist for networks of photographs only"),
        (spec("abn", "celeba", "paper", backbone="resnet18", weights="none-there.safetensors"), "none-there.safetensors: no such file"),
        (spec("matched", "celeba", "paper", backbone="resnet50", weights="w"), "setting weights: matched is wider than the network"),
    ):
        assert_refused(message, check, wrong)


def test_what_is_right_passes():
    for dataset, variants in ALLOWED.items():
        for variant in variants:
            for scale in ("smoke", "reduced"):
                check(spec(variant, dataset, scale))
    for variant in ("one-map", "cam"):
        check(spec(variant, FACES, backbone="vgg16"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Small sizes and a home for this file, where every run is trained once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTATTR_HOME", str(tmp_path_factory.mktemp("home")))
        for (name, scale), size in SIZES.items():
            if scale == "smoke":
                small = replace(size, fit=replace(size.fit, epochs=1, batch_size=16), train=32, val=12, test=12)
                patch.setitem(SIZES, (name, scale), small)
        yield


def give(wanted: RunSpec):
    return fit_or_load(wanted, progress=False, device="cpu", precision="32-true")


MEASURED = {"map_pointing", "map_energy_over_centre", "map_iou_centre", "map_deletion_under_centre", "map_insertion", "random_insertion"}
SLOW = [("cam", DIGITS), ("matched", DIGITS), ("abn", FACES)]


@pytest.mark.parametrize(("variant", "dataset"), [("abn", DIGITS), *(pytest.param(*each, marks=pytest.mark.slow) for each in SLOW)])
def test_variants_train_and_are_read_back(variant, dataset, tiny):
    made = give(spec(variant, dataset, backbone="resnet20" if dataset == DIGITS else "resnet101"))
    found = made.metrics["selected"]
    assert set(found) >= MEASURED
    assert found.keys() == made.metrics["last"].keys()
    main = "class_accuracy" if dataset == DIGITS else "mean_accuracy"
    assert main in found
    assert main in made.record["floors"]
    both = variant not in ("cam", "matched")
    assert (
        both
        is ("map_kept_over_flat" in found)
        is (f"attention_branch_{main}" in found)
        is ("perception_over_attention" in found)
        is ("map_spread" in found)
    )
    assert len(made.record["task_metrics"]["accuracy"]) == len(TASKS[dataset])
    assert give(made.spec).record == made.record
    net = made.network(plan_for(made.spec, give=give))
    assert count_parameters(net) == made.record["cost"]["parameters"]


@pytest.mark.slow
def test_networks_of_the_make_are_compared_with_those_of_the_model(tiny):
    asked = []

    def earlier(wanted):
        asked.append(wanted)
        return give(wanted)

    wanted = spec("make-abn", CARS, seed=4, backbone="resnet101")
    made = plan_for(wanted, give=earlier)
    # Of this seed, and of the next of its five.
    assert asked == [replace(wanted, variant="abn", seed=seed) for seed in (4, 0)]
    found = made.measures.analyse(made.build().eval(), made.data, "cpu")
    assert {"task_distance", "seed_distance", "task_distance_over_seed", "energy_on_make", "energy_on_model"} <= set(found)


def test_networks_of_the_make_need_those_of_the_model_of_two_seeds_of_five():
    for seed, rivals in ((0, [0, 1]), (3, [3, 4]), (4, [4, 0]), (9, [9, 5]), (12, [12, 13])):
        wanted = spec("make-abn", CARS, seed=seed, backbone="vgg16", epochs=2)
        assert requires(wanted) == [replace(wanted, variant="abn", seed=rival) for rival in rivals]
    assert not any(requires(spec(variant, CARS)) for variant in ALLOWED[CARS] if variant != "make-abn")


def test_a_twin_is_drawn_anew_for_each_seed(monkeypatch):
    asked = []
    monkeypatch.setattr("mtattr.attention_branch.recipe.load_splits", lambda *_, **options: asked.append(options))
    for seed in (0, 7):
        data(spec(seed=seed))
    assert [options["draw"] for options in asked] == [0, 7]


def cars_of(split, count=4):
    generator = torch.Generator().manual_seed(len(split))
    size = size_of(CARS, "smoke").image_size
    images = torch.randint(0, 256, (count, 3, *size), generator=generator, dtype=torch.uint8)
    return ImageData(images, torch.ones(count, 2), TASKS[CARS], tuple(f"{split}{i}" for i in range(count)), "toy cars", split)


def test_only_maps_of_the_make_have_distances_to_those_of_the_model():
    data = {split: cars_of(split) for split in ("train", "val", "test")}
    for variant in ("make-abn", "abn", "make-baseline", "make-unattended", "make-matched"):
        made = plan_for(spec(variant, CARS), data=data, give=lambda _: Unseen())
        found = made.measures.analyse(made.build().eval(), made.data, "cpu")
        assert any("distance" in name for name in found) is (variant == "make-abn"), variant


def test_evidence_asks_for_what_the_claims_compare():
    made = {(of.variant, of.dataset, tuple(sorted(of.settings.items()))) for of in evidence()}
    drawn = (DIGITS, CARS, FACES)
    for claim in load_paper("attention_branch").claims:
        for dataset in set(claim.datasets) & set(drawn):
            settings = {"backbone": BACKBONE[dataset.removesuffix("-twin")], **claim.settings}
            for variant in filter(None, (claim.a, claim.b)):
                assert (variant, dataset, tuple(sorted(settings.items()))) in made, claim.id
        assert (claim.minimum_scale == "reduced") is bool(set(claim.datasets) & set(drawn)), claim.id


def test_the_evidence_holds_the_cells_of_its_tables():
    assert len(evidence(seeds=[0])) == sum(len(variants) for *_, variants in EVIDENCE)


def test_drawn_data_load_as_the_scale_says(tiny):
    splits = load_splits(CARS, "smoke")
    assert torch.equal(plan(spec(dataset=CARS), splits).data["test"].labels[:, 0], splits["test"].labels[:, 0])
    assert set(PAPER_BACKBONES) >= set(BACKBONE.values())
