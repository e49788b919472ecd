"""A text report that compares a local dataset with its published statistics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtattr.data.image_data import ImageData

_LONGEST_FACT = 160
#: Facts that the report words itself.
_WORDED = (
    *("layout", "counts", "published", "published_rates", "checksums", "skipped", "identities"),
    *("identity_rates", "scene_digest", "files_digest"),
)


def report(parts: Sequence[ImageData], *, longest: int = 60) -> Iterator[str]:
    """Lines on the splits of one dataset: layout, sizes, counts, positive rates, unreadable files.

    Published numbers are for comparison: a set is usable with a few images more or less.

    Args:
        longest: the largest number of rates to list.
    """
    first = parts[0]
    kind = "generated, no photograph in it" if first.generated else "real"
    height, width = first.images.shape[2:]
    tasks = f"{len(first.tasks)} tasks, {first.tasks.num_units} network units"
    yield f"{first.name} ({kind}): {tasks}, {height} x {width} pixels"
    if "layout" in first.facts:
        yield f"layout found: {first.facts['layout']}"
    for part in parts:
        people = (
            f", {len(part.identities.unique())} identities" if part.identities is not None else ""
        )
        known = f"{(~part.labels.isnan()).float().mean().item():.1%} of the labels known"
        digest = f"fingerprint {part.fingerprint[:12]}"
        yield f"{part.split}: {len(part)} images{people}, {known}, {digest}"
        for key, value in part.facts.items():
            text = str(value)
            # Long tables are for programs; the rates below are for readers.
            if key not in _WORDED and value not in ({}, [], ()) and len(text) <= _LONGEST_FACT:
                yield f"  {key}: {text}"
    yield from _counts(parts)
    yield from _rates(parts, longest)
    for file, state in first.facts.get("checksums", {}).items():
        yield f"checksum of {file}: {state}"
    for part in parts:
        unreadable = part.facts.get("skipped", [])
        yield from (f"unreadable in {part.split}: {key}" for key in unreadable[:20])
        if len(unreadable) > 20:
            yield f"unreadable in {part.split}: and {len(unreadable) - 20} more"
    yield f"unreadable files: {unreadable_files(parts)}"


def unreadable_files(parts: Sequence[ImageData]) -> int:
    """Number of images that the loader left out."""
    return sum(len(part.facts.get("skipped", [])) for part in parts)


def rates(part: ImageData) -> dict[str, float]:
    """Positive share of the known labels of each task; of a class as "task = value"."""
    found = {}
    for t, task in enumerate(part.tasks):
        column = part.labels[:, t]
        known = column[~column.isnan()]
        if task.kind == "binary":
            found[task.name] = known.mean().item()
        else:
            found |= {
                f"{task.name} = {value}": (known == c).float().mean().item()
                for c, value in enumerate(task.values)
            }
    return found


def _counts(parts: Sequence[ImageData]) -> Iterator[str]:
    lines: dict[str, list[str]] = {}
    for part in parts:
        published = part.facts.get("published", {})
        for what, count in part.facts.get("counts", {}).items():
            known = published.get(what)
            beside = f", published {known} ({count - known:+d})" if known is not None else ""
            lines.setdefault(f"{what} {count}{beside}", []).append(part.split)
    # Numbers of the whole copy come with every split; once is enough.
    yield from (
        text if len(splits) == len(parts) else f"{', '.join(splits)}: {text}"
        for text, splits in lines.items()
    )


def _rates(parts: Sequence[ImageData], longest: int) -> Iterator[str]:
    by_identity = all("identity_rates" in part.facts for part in parts)
    found = [part.facts["identity_rates"] if by_identity else rates(part) for part in parts]
    published = [part.facts.get("published_rates", {}) for part in parts]
    width = max(len(name) for name in found[0])
    heads = ""
    for part, known in zip(parts, published, strict=True):
        heads += f"{part.split:>9}" + (f"{'published':>11}{'points':>8}" if known else "")
    yield f"share of positives among {'identities' if by_identity else 'images'}"
    yield f"{'':<{width}}{heads}"
    for name in list(found[0])[:longest]:
        cells = ""
        for of_part, known in zip(found, published, strict=True):
            cells += f"{of_part.get(name, float('nan')):>9.2%}"
            if known:
                cells += (
                    f"{known[name]:>11.2%}{100 * (of_part[name] - known[name]):>+8.2f}"
                    if name in known
                    else f"{'':>19}"
                )
        yield f"{name:<{width}}{cells}"
    if len(found[0]) > longest:
        yield f"and {len(found[0]) - longest} more; --all lists them"
