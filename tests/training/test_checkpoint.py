import pytest
import torch
from mtattr.errors import InputError
from mtattr.training.checkpoint import load_tensors, pack, save_tensors, unpack


def net_and_adam(seed=0):
    torch.manual_seed(seed)
    net = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 1))
    return net, torch.optim.Adam(net.parameters(), lr=0.1)


def step(net, adam, seed):
    x = torch.randn(8, 3, generator=torch.Generator().manual_seed(seed))
    adam.zero_grad()
    net(x).square().mean().backward()
    adam.step()


def test_a_restored_optimiser_continues_with_the_same_bits(tmp_path):
    net, adam = net_and_adam()
    for k in range(3):
        step(net, adam, k)
    save_tensors(tmp_path / "c.safetensors", pack(net, adam), {"note": [1, None]})
    other, other_adam = net_and_adam(seed=9)
    tensors, about = load_tensors(tmp_path / "c.safetensors")
    unpack(tensors, other, other_adam)
    assert about["note"] == [1, None]
    for k in range(3, 6):
        step(net, adam, k)
        step(other, other_adam, k)
    assert all(torch.equal(a, b) for a, b in zip(net.state_dict().values(), other.state_dict().values(), strict=True))


def test_a_file_cut_short_is_named(tmp_path):
    path = tmp_path / "c.safetensors"
    save_tensors(path, {"a": torch.arange(100.0)}, {})
    whole = path.read_bytes()
    for keep in (0, 4, 60, -1):
        path.write_bytes(whole[:keep])
        with pytest.raises(InputError, match=r"c\.safetensors: cut short or damaged"):
            load_tensors(path)


def test_missing_and_foreign_files_are_named(tmp_path):
    from safetensors.torch import save_file

    with pytest.raises(InputError, match="no such file"):
        load_tensors(tmp_path / "none.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(InputError, match=r"foreign\.safetensors: expected a checkpoint"):
        load_tensors(tmp_path / "foreign.safetensors")


def test_a_whole_file_with_another_description_is_refused(tmp_path):
    from safetensors.torch import save_file

    for about in ("{", "[]", "null", '{"format": 2}', "[" * 100_000):
        save_file({"a": torch.zeros(1)}, tmp_path / "odd.safetensors", metadata={"about": about})
        with pytest.raises(InputError, match=r"odd\.safetensors: .*delete it"):
            load_tensors(tmp_path / "odd.safetensors")
