import math

import pytest
import torch
from mtattr.attention_branch import AttentionBranchNet, BaselineNet, ClassActivationNet, MultitaskAttentionBranchNet, cifar_resnet
from mtattr.attention_branch.localisation import classes_of, faithfulness, localisation, map_distance, named, on_both_regions, shown
from mtattr.data.image_data import ImageData
from mtattr.evaluation import centre_prior, energy_inside, known_regions, linear_imputation, pointing_game, random_maps, region_iou
from mtattr.nets import Output
from mtattr.tasks import Task, TaskSet

from reference import deletion_and_insertion

SCORES = {"pointing": pointing_game, "energy": energy_inside, "iou": region_iou}
NAN, N, H, W = math.nan, 6, 8, 10
ATTRIBUTES, CLASS = TaskSet.binary("abc"), TaskSet([Task("class", "categorical", ("r", "g", "b"))])
#: Where channel t of image i is bright: a square of 2 that moves with both.
CORNERS = [[((i + t) % 6, (2 * i + 3 * t) % 6) for t in range(3)] for i in range(30)]


def squares(i):
    region = torch.zeros(3, H, W)
    for t, (y, x) in enumerate(CORNERS[i]):
        region[t, y : y + 2, x : x + 2] = 1
    return region


def attributes(labels=None, *, regions=True, count=N):
    images = torch.stack([(200 * squares(i) + 20).to(torch.uint8) for i in range(count)])
    labels = torch.ones(count, 3) if labels is None else torch.tensor(labels)
    of, keys = squares if regions else None, tuple(map(str, range(count)))
    return ImageData(images, labels, ATTRIBUTES, keys, f"toy {labels.tolist()}", "test", region_of=of)


def one_class(classes):
    data = attributes()
    labels = torch.tensor(classes)[:, None]

    def region_of(i):
        return squares(i)[int(labels[i, 0].nan_to_num(0))][None]

    return ImageData(data.images, labels, CLASS, data.keys, f"toy class {classes}", "test", region_of=region_of)


def channels(x):
    """Maps that show where each channel is bright."""
    return (x - 0.5).relu()


class Looks(ClassActivationNet):
    """Answers by the light of a channel, and shows a map that `look` makes of the image."""

    def __init__(self, look=channels, patch=None):
        torch.nn.Module.__init__(self)
        self.look, self.patch = look, patch

    def forward(self, images):
        seen = images if self.patch is None else images * self.patch
        return Output(6 * seen.mean((2, 3)) - 1, self.look(images))


class LooksTwice(AttentionBranchNet):
    """With a second method: class activation maps by gradients."""

    def __init__(self):
        torch.nn.Module.__init__(self)

    def forward(self, images):
        features = images + 0
        return Output(features.mean((2, 3)), channels(images), {"features": features})


def test_a_map_that_is_the_region_scores_1_and_beats_the_centre():
    for data in (attributes(), one_class([0.0, 1, 2, 0, 1, 2])):
        found = localisation(Looks(), data)
        for score in SCORES:
            assert found[f"map_{score}"] == pytest.approx(1, abs=1e-6)
            assert found[f"map_{score}_over_centre"] == pytest.approx(1 - found[f"map_{score}_centre"])
            assert found[f"map_{score}_over_centre"] > 0.5 or score == "pointing"
            assert found[f"map_{score}_random"] < 0.5
    opposite = localisation(Looks(lambda x: 1 - (x > 0.5).float()), attributes())
    assert all(opposite[f"map_{score}"] == 0 for score in ("energy", "pointing", "iou"))


def test_floors_are_what_the_evaluation_gives():
    data = attributes()
    found = localisation(Looks(lambda x: channels(x)[:, :, ::2]), data)
    # Blind maps of the size of the network's own.
    blind = {"centre": centre_prior(4, W).expand(N, 3, 4, W), "random": random_maps(N, 3, 4, W)}
    for score, measure in SCORES.items():
        for rival, maps in blind.items():
            expected = measure(maps, known_regions(data, N), torch.ones(N, 3, dtype=torch.bool)).mean().item()
            assert found[f"map_{score}_{rival}"] == pytest.approx(expected)
    assert set(found) == {f"map_{score}{more}" for score in SCORES for more in ("", "_centre", "_random", "_over_centre")}


def test_only_attributes_that_are_shown_count():
    labels = [[1.0, 0, NAN], [0, 1, 1], [1, NAN, 0], [0, 0, 1], [1, 1, 0], [NAN, 1, 1]]
    data = attributes(labels)

    def right_where_shown(x):
        wanted = (torch.tensor(labels) == 1).float()[:, :, None, None]
        return wanted * channels(x) + (1 - wanted) * (1 - channels(x))

    assert localisation(Looks(right_where_shown), data)["map_pointing"] == 1
    assert localisation(Looks(lambda x: 1 - right_where_shown(x)), data)["map_pointing"] == 0
    assert torch.equal(shown(data, 4), torch.tensor(labels)[:4] == 1)


def test_scores_are_averaged_over_images_first_and_then_over_tasks():
    # The first task is shown once and found, the second five times and missed, the third never.
    labels = [[1.0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0], [0, 1, 0]]
    found = localisation(Looks(lambda x: torch.stack([channels(x)[:, 0], *2 * [(x[:, 1] < 0.5).float()]], 1)), attributes(labels))
    assert found["map_pointing"] == 0.5


def test_a_class_is_judged_by_the_map_of_the_true_class_and_an_unknown_one_not_at_all():
    data = one_class([0.0, 1, NAN, 2, 1, NAN])
    assert torch.equal(classes_of(data, 4), torch.tensor([0.0, 1, 0, 2]))
    assert shown(data, N)[:, 0].tolist() == [True, True, False, True, True, False]
    assert classes_of(attributes(), N) is None

    def wrong_where_unknown(x):
        maps = channels(x)
        maps[[2, 5]] = 1 - maps[[2, 5]]
        return maps

    assert localisation(Looks(wrong_where_unknown), data)["map_pointing"] == 1
    assert localisation(Looks(lambda x: channels(x).roll(1, dims=1)), data)["map_pointing"] == 0


def test_the_first_images_are_enough():
    def right_at_first(x):
        maps = channels(x)
        maps[2:] = 1 - maps[2:]
        return maps

    net = Looks(right_at_first)
    assert localisation(net, attributes(), images=2)["map_pointing"] == 1
    assert localisation(net, attributes())["map_pointing"] == pytest.approx(1 / 3)
    assert localisation(net, attributes(), images=99)["map_pointing"] == pytest.approx(1 / 3)


def test_where_nobody_knows_regions_nothing_is_said():
    assert localisation(Looks(), attributes(regions=False)) == {}


def test_a_second_method_is_called_by_its_name():
    net = LooksTwice()
    assert (named("attention", net), named("gradcam", net), named("cam", Looks())) == ("map", "gradcam", "map")
    found = localisation(net, attributes())
    # The score of a task is the light of its channel, and so is its gradient times the image.
    for name in ("map", "gradcam"):
        assert found[f"{name}_pointing"] == 1
        assert f"{name}_iou_over_centre" in found


PATCH = torch.zeros(3, H, W)
for _t, (_y, _x) in enumerate(((0, 5), (5, 1), (2, 2))):
    PATCH[_t, _y : _y + 3, _x : _x + 3] = 1


def noise(labels=None, count=N):
    data = attributes(labels, regions=False, count=count)
    images = torch.randint(0, 256, data.images.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    # Bright where the network looks.
    images = torch.maximum(images, (240 * PATCH).to(torch.uint8))
    return ImageData(images, data.labels, data.tasks, data.keys, "toy noise", "test")


def by_loops(probability, image, large):
    def filled(image, removed):
        return linear_imputation(torch.from_numpy(image)[None], torch.from_numpy(removed)[None])[0].numpy()

    return deletion_and_insertion(probability, (image / 255).numpy(), large.numpy(), 4, filled)


def test_deletion_and_insertion_are_those_of_the_loops_over_what_is_shown():
    labels = [[1.0, 0, 1], [0, NAN, 1], [1, 1, 1], [0, 0, 0], [0, 1, 0], [1, 1, 1]]
    data, net = noise(labels), Looks(lambda x: PATCH.expand(len(x), 3, H, W), PATCH)
    for pairs, chosen in ((4, [(0, 0), (0, 2), (1, 2), (2, 0)]), (99, [(n, t) for n in range(N) for t in range(3) if labels[n][t] == 1])):
        found = faithfulness(net, data, pairs=pairs)
        maps = {"map": [PATCH[t] for _, t in chosen], "centre": [centre_prior(H, W)] * len(chosen)}
        maps["random"] = random_maps(len(chosen), 1, H, W)[:, 0]
        for name, of in maps.items():
            curves = []
            for (n, t), large in zip(chosen, of, strict=True):

                def probability(image, t=t):
                    return net(torch.from_numpy(image)[None].float()).logits[0, t].sigmoid().item()

                curves.append(by_loops(probability, data.images[n], large))
            for k, curve in enumerate(("deletion", "insertion")):
                assert found[f"{name}_{curve}"] == pytest.approx(sum(pair[k] for pair in curves) / len(curves), abs=1e-5)
        assert found["map_deletion_under_centre"] == pytest.approx(found["centre_deletion"] - found["map_deletion"])
        assert found["map_insertion_over_centre"] == pytest.approx(found["map_insertion"] - found["centre_insertion"])
        names = {f"{name}_{curve}" for name in maps for curve in ("deletion", "insertion")}
        assert set(found) == names | {"map_deletion_under_centre", "map_insertion_over_centre"}


def test_more_pairs_than_are_scored_at_once_are_each_followed_by_their_own_task():
    data, net = noise(count=30), Looks(lambda x: PATCH.expand(len(x), 3, H, W), PATCH)
    found, curves = faithfulness(net, data, pairs=90), []
    for n in range(30):
        for t in range(3):

            def probability(image, t=t):
                return net(torch.from_numpy(image)[None].float()).logits[0, t].sigmoid().item()

            curves.append(by_loops(probability, data.images[n], PATCH[t]))
    assert found["map_deletion"] == pytest.approx(sum(pair[0] for pair in curves) / 90, abs=1e-5)
    assert found["map_insertion"] == pytest.approx(sum(pair[1] for pair in curves) / 90, abs=1e-5)


def test_a_faithful_map_beats_the_blind_ones_and_a_reversed_one_does_not():
    data = noise()
    faithful = faithfulness(Looks(lambda x: PATCH.expand(len(x), 3, H, W), PATCH), data)
    reversed_ = faithfulness(Looks(lambda x: 1 - PATCH.expand(len(x), 3, H, W), PATCH), data)
    for name in ("map_deletion_under_centre", "map_insertion_over_centre"):
        assert faithful[name] > 0 > reversed_[name]
    assert faithful["map_deletion"] < faithful["random_deletion"]
    assert faithful["map_insertion"] > faithful["random_insertion"]


def test_of_a_class_the_probability_of_the_true_one_is_followed():
    classes = [2.0, NAN, 0, 1, 1, 2]
    data = ImageData(noise().images, torch.tensor(classes)[:, None], CLASS, tuple("uvwxyz"), "toy class noise", "test")
    net = Looks(lambda x: PATCH.expand(len(x), 3, H, W), PATCH)
    found, curves = faithfulness(net, data), []
    for n, k in enumerate(classes):
        if not math.isnan(k):

            def probability(image, k=int(k)):
                return net(torch.from_numpy(image)[None].float()).logits[0].softmax(0)[k].item()

            curves.append(by_loops(probability, data.images[n], PATCH[int(k)]))
    assert found["map_deletion"] == pytest.approx(sum(pair[0] for pair in curves) / 5, abs=1e-5)
    assert found["map_insertion"] == pytest.approx(sum(pair[1] for pair in curves) / 5, abs=1e-5)


def test_faithfulness_of_a_second_method():
    found = faithfulness(LooksTwice(), noise())
    assert {"map_deletion", "gradcam_deletion", "gradcam_insertion_over_centre", "centre_insertion"} <= set(found)


def random(*size, seed=0):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def test_maps_of_one_order_have_distance_0_reversed_ones_2_and_unrelated_ones_1():
    maps = random(40, 1, 7, 7)
    assert map_distance(maps, maps) == pytest.approx(0)
    assert map_distance(maps, maps.exp()) == pytest.approx(0)
    assert map_distance(maps, -maps) == pytest.approx(2)
    # Of 40 images with 49 places each: a standard error of 1 / sqrt(48 * 40).
    assert map_distance(maps, random(40, 1, 7, 7, seed=1)) == pytest.approx(1, abs=4 / (48 * 40) ** 0.5)


def test_distance_is_averaged_over_images_and_leaves_constant_maps_out():
    maps = random(3, 1, 4, 4)
    other = torch.cat([maps[:1], -maps[1:2], torch.zeros(1, 1, 4, 4)])
    assert map_distance(maps, other) == pytest.approx(1)
    assert map_distance(other, maps) == pytest.approx(1)
    assert math.isnan(map_distance(maps[:1], torch.ones(1, 1, 4, 4)))


def test_energy_on_the_regions_of_every_task_by_hand():
    data = attributes()
    maps = torch.stack([squares(i)[0] + 3 * squares(i)[2] for i in range(4)])[:, None]
    found = on_both_regions({"test": data}, maps)
    expected = [sum((maps[i, 0] * squares(i)[t]).sum() / maps[i, 0].sum() for i in range(4)).item() / 4 for t in range(3)]
    assert found == pytest.approx(dict(zip(("energy_on_a", "energy_on_b", "energy_on_c"), expected, strict=True)))
    assert found["energy_on_c"] > found["energy_on_a"] > 0


def test_networks_of_this_room_are_measured():
    torch.manual_seed(0)
    parts = {"widths": (4, 6, 8), "blocks": 1}
    data, shape = attributes(), {"map", "gradcam"}
    nets = [
        (BaselineNet(cifar_resnet(14, 3, **parts)), {"map"}),
        (ClassActivationNet(cifar_resnet(14, 3, **parts), 3), {"map"}),
        (AttentionBranchNet(cifar_resnet(14, 3, **parts), 3), shape),
        (MultitaskAttentionBranchNet(3, cifar_resnet(14, 3, **parts)), shape),
    ]
    for net, names in nets:
        found = localisation(net, data) | faithfulness(net, data)
        assert {name.split("_")[0] for name in found} == names | {"centre", "random"}
        assert all(0 <= value <= 1 for name, value in found.items() if not name.endswith(("over_centre", "under_centre")))
