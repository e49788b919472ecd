"""The file of the page for looking at maps."""

import base64
import json

import numpy as np
import pytest
import torch
from mtattr.attention_branch import explorer
from mtattr.data import load_dataset
from mtattr.evaluation import energy_inside, pointing_game


@pytest.fixture(scope="module")
def test_images():
    return load_dataset("celeba-twin", "test", image_size=16, limit=3)


def test_maps_come_back_in_their_raw_range(test_images, tmp_path):
    maps = torch.randn(3, 40, 4, 4) * torch.tensor([0.01, 1, 100]).view(3, 1, 1, 1)
    made = explorer._maps(maps, test_images)
    regions = np.packbits(np.zeros(3 * 40 * 16 * 16, bool))
    data = {
        "size": 16,
        "tasks": list(test_images.tasks.names),
        "images": [{"key": key, "png": explorer.png_of(image)} for key, image in zip(test_images.keys, test_images.images, strict=True)],
        "regions": base64.b64encode(regions.tobytes()).decode(),
        "methods": [{"id": "abn"} | made],
    }
    folder = tmp_path / "book" / "evidence"
    folder.mkdir(parents=True)
    (folder / "toy.json").write_text(json.dumps(data))
    looked = explorer.look_at("toy", tmp_path)
    span = (maps.amax((2, 3)) - maps.amin((2, 3)))[..., None, None].numpy()
    assert (np.abs(looked["maps"]["abn"] - maps.numpy()) <= 0.01 * span).all()
    assert np.array_equal(looked["pictures"], test_images.images.permute(0, 2, 3, 1).numpy())
    assert explorer.look_at("missing", tmp_path) is None


def test_scores_are_those_of_the_library_and_null_where_absent(test_images):
    maps = torch.rand(3, 40, 4, 4)
    made = explorer._maps(maps, test_images)
    regions = torch.stack([test_images.regions(i) for i in range(3)])
    valid = test_images.labels == 1
    for name, score in (("pointing", pointing_game), ("energy", energy_inside)):
        expected = score(maps, regions, valid, per_image=True)
        ours = torch.tensor([[float("nan") if v is None else v for v in row] for row in made[name]], dtype=torch.float64)
        assert torch.equal(ours.isnan(), expected.isnan())
        assert torch.allclose(ours.nan_to_num(), expected.nan_to_num(), atol=0.02)
    assert made["pointing"][0][int((~valid[0]).nonzero()[0])] is None


def test_a_flat_map_has_one_value(test_images):
    made = explorer._maps(torch.full((3, 40, 2, 2), 0.25), test_images)
    assert made["low"] == made["high"] == [[0.25] * 40] * 3


def test_bad_input_is_one_line_and_exit_code_2(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MTATTR_HOME", str(tmp_path))
    assert explorer.main([str(tmp_path / "out.json"), "--scale", "huge"]) == 2
    assert "scale 'huge' is unknown" in capsys.readouterr().err
    assert not (tmp_path / "out.json").exists()


def test_the_committed_file_is_of_evidence_runs():
    looked = explorer.look_at()
    if looked is None:
        pytest.skip("not made yet")
    assert (looked["dataset"], looked["generated"], looked["scale"], looked["epoch"]) == ("celeba-twin", True, "reduced", "selected")
    data = load_dataset("celeba-twin", "test", image_size=looked["size"], limit=len(looked["images"]))
    assert [image["key"] for image in looked["images"]] == list(data.keys)
    pixels = data.images.permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(looked["pictures"].astype(int) - pixels).max() <= 1
    known = torch.stack([data.regions(i) for i in range(4)]) >= 0.5
    assert (looked["regions"][:4] == known.numpy()).mean() > 0.999
