"""Masks and evidence that the evaluation page draws."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mtattr.channel_attention import ChannelAttentionNet, evidence_maps, gallery, mask_means, top_channels
from mtattr.channel_attention.recipe import VARIANTS
from mtattr.data.image_data import ImageData
from mtattr.errors import InputError
from mtattr.page_data import rounded
from mtattr.twins.faces import TASKS

WANTED = [TASKS.index(name) for name in gallery.ATTRIBUTES]


def test_faces_hold_the_masks_of_the_most_important_channels_and_the_evidence(tmp_path):
    torch.manual_seed(0)
    net = ChannelAttentionNet(40, 4, front_end="light", width=0.0625, image_size=16).eval()
    images, truth = torch.randint(256, (10, 3, 16, 16), dtype=torch.uint8), torch.zeros(10, 40)
    truth[2:, WANTED[1]] = 1  # the first two show none of the attributes, whatever their labels say
    whole = {"truth": truth, "region_of": lambda i: torch.ones(40, 16, 16)}
    data = ImageData(images, torch.ones(10, 40), TASKS, tuple(map(str, range(10))), "twin", "test", **whole)
    run, plan = SimpleNamespace(predictions=lambda: {"test_selected": torch.zeros(10, 40)}), SimpleNamespace(data={"test": data})
    importance = mask_means(net, images).mean(0)
    faces = gallery._faces(run, plan, net, importance)
    content = {"schema": gallery.SCHEMA, "means": {}, "weights": [], "spreads": [], "faces": faces}
    (tmp_path / "book" / "evidence").mkdir(parents=True)
    (tmp_path / "book" / "evidence" / "channel_masks.json").write_text(json.dumps(content))
    read = gallery.gallery_of(tmp_path)["faces"]
    assert read["pictures"].shape == (gallery.IMAGES, 16, 16, 3)
    assert np.array_equal(read["pictures"][0], images[2].permute(1, 2, 0).numpy())
    with torch.no_grad():
        features = net.extractor(images[2:8].float() / 255)
        masks, evidence = net.masks(features), evidence_maps(net, features)
    channels = top_channels(importance, 3)
    for a, k in enumerate(WANTED):
        for c in range(3):
            expected = masks[:, k, channels[k, c]].numpy()
            np.testing.assert_allclose(read["masks"][:, a, c], expected, rtol=1e-3)
        np.testing.assert_allclose(read["evidence"][:, a], evidence[:, k].numpy(), rtol=1e-3)
    assert read["regions"].shape == (gallery.IMAGES, len(WANTED), 16, 16)
    assert read["regions"].all()
    assert read["drawn"] == [[int(k == 1) for k in range(len(WANTED))]] * gallery.IMAGES
    assert read["probability"] == rounded(torch.full((gallery.IMAGES, len(WANTED)), 0.5))


def test_no_file_is_none_and_another_layout_is_named(tmp_path):
    assert gallery.gallery_of(tmp_path) is None
    (tmp_path / "book" / "evidence").mkdir(parents=True)
    (tmp_path / "book" / "evidence" / "channel_masks.json").write_text('{"schema": 7}')
    with pytest.raises(InputError, match=r"channel_masks.json: expected schema 2, found 7"):
        gallery.gallery_of(tmp_path)


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path))
    assert gallery.main([str(tmp_path / "out.json"), "--scale", "huge"]) == 2
    assert "scale 'huge' is unknown" in capsys.readouterr().err


def test_the_committed_file_has_what_the_page_draws():
    data = gallery.gallery_of()
    if data is None:
        pytest.skip("not made yet")
    assert data["scale"] == "reduced"
    assert data["tasks"] == list(TASKS.names)
    seeds, channels = len(data["seeds"]), data["weights"].shape[2]
    assert set(data["means"]) == {*gallery.VARIANTS, "untrained"}
    assert all(means.shape == (seeds, 40, channels) for means in data["means"].values())
    assert all(((means >= 0) & (means <= 1)).all() for means in data["means"].values())
    assert set(gallery.VARIANTS) <= set(VARIANTS)
