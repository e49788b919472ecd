"""Speed of K masked classifiers together against one by one, and the memory that chunks save.

Run: python benchmarks/channels.py [--attributes 40] [--channels 128] [--batch 1] [--memory-batch
32] [--size 128] [--kernel 3] [--front vgg16] [--repeats 5] [--threads 2] [--device cuda]

Two textbooks. "separate": each attribute's sub-network is run by itself, f_b((1 + M(f_f(x)))
f_f(x)), as Eq. 2 reads, features and all. "loop": the features are made once, then each attribute
has its own convolution, gate, pool and linear layer, one after the other. Beside them the
library: one convolution for all attributes, the same a chunk at a time, and that in bfloat16.
Peak memory first, of the classifiers with their features and no extractor, each in a process of
its own; then forms take turns within a round, and medians over rounds are compared. Outputs are
checked against the textbook before they are timed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mtattr.channel_attention import ChannelAttentionNet
from mtattr.evaluation import peak_memory_mb, seconds_in_turn

GOAL = 3.0
CHUNKS = (None, 20, 8, 4, 1)


class Textbook(nn.Module):
    """K convolutions and K linear layers with the weights of a `ChannelAttentionNet`."""

    def __init__(self, net: ChannelAttentionNet) -> None:
        super().__init__()
        self.extractor, channels, kernel = (
            net.extractor,
            net.masks.channels,
            net.masks.conv.kernel_size[0],
        )
        self.convs = nn.ModuleList(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2)
            for _ in range(net.num_attributes)
        )
        self.linears = nn.ModuleList(nn.Linear(channels, 1) for _ in range(net.num_attributes))
        with torch.no_grad():
            for k, (conv, linear) in enumerate(zip(self.convs, self.linears, strict=True)):
                rows = slice(k * channels, (k + 1) * channels)
                conv.weight.copy_(net.masks.conv.weight[rows])
                conv.bias.copy_(net.masks.conv.bias[rows])
                linear.weight.copy_(net.classifiers.weight[k : k + 1])
                linear.bias.copy_(net.classifiers.bias[k : k + 1])

    def loop(self, features: Tensor) -> Tensor:
        """Features once, then one attribute after the other."""
        parts = zip(self.convs, self.linears, strict=True)
        return torch.cat(
            [
                linear(((1 + conv(features).sigmoid()) * features).mean((2, 3)))
                for conv, linear in parts
            ],
            dim=1,
        )

    def separate(self, images: Tensor) -> Tensor:
        """The whole way from the image once for each attribute."""
        logits = []
        for conv, linear in zip(self.convs, self.linears, strict=True):
            features = self.extractor(images)
            logits.append(linear(((1 + conv(features).sigmoid()) * features).mean((2, 3))))
        return torch.cat(logits, dim=1)


def library(net: ChannelAttentionNet, features: Tensor, chunk: int | None) -> Tensor:
    """The library's classifiers with at most `chunk` attributes at once."""
    net.chunk = chunk
    return net.classifiers(net.attend(features)[0])


def forms_of(
    net: ChannelAttentionNet, textbook: Textbook, images: Tensor, training: bool
) -> dict[str, Callable[[], object]]:
    """Name -> one answer, or one forward and backward pass, of the classifiers on `images`."""
    with torch.no_grad():
        features = net.extractor(images)

    def low(x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            return library(net, x, 4)

    forms: dict[str, Callable[[Tensor], Tensor]] = {"loop": textbook.loop}
    forms |= {
        "all at once": lambda x: library(net, x, None),
        "4 at once": lambda x: library(net, x, 4),
        "4 at once, bfloat16": low,
    }
    with torch.no_grad():
        expected = textbook.loop(features)
        for name, form in forms.items():
            torch.testing.assert_close(
                form(features).float(), expected, atol=0.1 if "bfloat16" in name else 1e-4, rtol=0
            )

    def once(form: Callable[[Tensor], Tensor]) -> None:
        if training:
            form(features.detach().requires_grad_()).float().sum().backward()
        else:
            with torch.no_grad():
                form(features)

    return {name: lambda form=form: once(form) for name, form in forms.items()}


def whole_forms(
    net: ChannelAttentionNet, textbook: Textbook, images: Tensor
) -> dict[str, Callable[[], object]]:
    """Name -> one answer of all attributes from the image on."""

    @torch.no_grad()
    def answer(of: Callable[[Tensor], Tensor]) -> Tensor:
        return of(images)

    forms = {
        "separate": textbook.separate,
        "loop": lambda x: textbook.loop(textbook.extractor(x)),
        "4 at once": lambda x: library(net, net.extractor(x), 4),
    }
    expected = answer(textbook.separate)
    for form in forms.values():
        torch.testing.assert_close(answer(form), expected, atol=1e-4, rtol=0)
    return {name: lambda form=form: answer(form) for name, form in forms.items()}


def make(given: argparse.Namespace, chunk: int | None = None) -> ChannelAttentionNet:
    """The network that is measured."""
    how = {
        "front_end": given.front,
        "image_size": given.size,
        "mask_kernel": given.kernel,
        "chunk": chunk,
    }
    return ChannelAttentionNet(given.attributes, given.channels, **how).to(given.device)


def memory_of_step(given: argparse.Namespace) -> float:
    """Peak memory in MB that one training step of masks and classifiers adds to this process."""
    net = make(given, given.chunk or None).train()
    side = given.size // net.stride
    features = torch.rand(
        given.memory_batch, given.channels, side, side, device=given.device, requires_grad=True
    )
    before = peak_memory_mb(torch.device(given.device))
    pooled, means = net.attend(features)
    (net.classifiers(pooled).sum() + means.sum()).backward()
    return peak_memory_mb(torch.device(given.device)) - before


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--front", default="vgg16")
    numbers = (
        ("attributes", 40),
        ("channels", 128),
        ("batch", 1),
        ("memory_batch", 32),
        ("size", 128),
    )
    numbers += (("kernel", 3), ("repeats", 5), ("threads", 2))
    for name, default in numbers:
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=default)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--chunk", type=int, default=0)
    parser.add_argument("--memory", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    if given.memory:
        print(f"{memory_of_step(given):.0f}")
        return
    about = f"{given.attributes} attributes, {given.channels} channels"
    about += f", {given.kernel} x {given.kernel} masks, {given.batch} images"
    print(f"{about} of {given.size} px, {given.front}, {given.device}, {given.threads} threads")
    # First, for a process begins with the highest memory use of the one that started it.
    same = [
        f"--{name.replace('_', '-')}={getattr(given, name)}"
        for name in ("front", *(name for name, _ in numbers), "device")
    ]
    for chunk in CHUNKS:
        done = subprocess.run(
            [sys.executable, __file__, "--memory", *same, f"--chunk={chunk or 0}"],
            capture_output=True,
            text=True,
            check=True,
        )
        name = "all at once" if chunk is None else f"{chunk} at once"
        print(
            f"training step of {given.memory_batch} images, masks of"
            f" {name:<14}{int(done.stdout):>7,} MB more"
        )
    net = make(given).eval()
    textbook = Textbook(net).to(given.device)
    images = torch.rand(given.batch, 3, given.size, given.size, device=given.device)
    seconds = seconds_in_turn(
        whole_forms(net, textbook, images), repeats=given.repeats, device=given.device
    )
    ratios = "  ".join(
        f"{name} {seconds['separate'] / s:.2f}x"
        for name, s in seconds.items()
        if name != "separate"
    )
    print(
        f"from the image, answer        separate {seconds['separate']:.3f} s  {ratios}  (goal"
        f" {GOAL}x)"
    )
    for mode, training in (("answer", False), ("training step", True)):
        seconds = seconds_in_turn(
            forms_of(net, textbook, images, training), repeats=given.repeats, device=given.device
        )
        ratios = "  ".join(
            f"{name} {seconds['loop'] / s:.2f}x" for name, s in seconds.items() if name != "loop"
        )
        print(f"from features, {mode:<14} loop {seconds['loop']:.3f} s  {ratios}")


if __name__ == "__main__":
    main()
