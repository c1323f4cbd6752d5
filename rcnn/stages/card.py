"""The card of an embedding, X.toml next to X.onnx: as given, or measured on photographs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..clips.folder import LOOSE, scan
from ..clips.levels import below_people, check_not_above, folders_inside, notes
from ..errors import InputError, UnreadableError
from ..faces.card import Card, card_path, parse_card, write_card
from ..faces.choice import central_crop
from ..faces.detectors import Detector
from ..faces.finding import find_faces
from ..faces.load import load_detector, load_embedder
from ..faces.normalisations import Tried, try_ways
from ..faces.recognised import described
from ..networks.engine import choose_device
from ..networks.engine.images import ImageInput
from ..networks.engine.onnx_graph import OnnxGraph
from ..video.photographs import read_photograph
from ..workers.progress import progress
from ..workers.signals import until_stopped
from .settings.cards import CardSettings

FLAG = "--faces"
EACH = 4  # photographs of a person; more would only add pairs of the same faces
CLEAR = 1.03  # how much better a format must separate than a more common one; 12 drawn people changed it by 1.8 %
LEAST_PAIRS = 20  # of one person; fewer can't tell input formats apart


def card(settings: CardSettings) -> None:
    """Write the card, and print what was measured.

    Raises
    ------
    InputError
        If the file is not an embedding, its graph normalises its input, a card exists, or there are too few
        photographs.
    """
    path = card_path(settings.file)
    if os.path.lexists(path) and not settings.overwrite:
        raise InputError(f"{path}: exists already; give --overwrite to replace it")
    if OnnxGraph(settings.file).normalises:
        raise InputError(f"{settings.file}: its graph subtracts a mean and scales, so it needs no card")
    device = choose_device(settings.gpu)
    if settings.faces is None:
        given = {"colour": settings.colour, "mean": list(settings.mean or ()), "std": list(settings.std or ())}
        own = {
            name: value[0] if isinstance(value, list) and len(value) == 1 else value for name, value in given.items()
        }
        found = parse_card(own, settings.file)
    else:
        assert settings.detector is not None  # required with --faces
        crops, labels = _crops(settings.faces, load_detector(settings.detector, device), settings.most)
        ways = []
        print("colour, mean, deviation: separation (d'), area under the ROC")
        for tried in until_stopped(try_ways(settings.file, crops, labels, device)):
            print(f"  {_words(tried.card)}: {tried.separation:.3f}, {tried.auc:.5f}", flush=True)
            ways.append(tried)
        found = _best(ways).card
    write_card(found, settings.file)
    load_embedder(settings.file, device)  # logs the input format from now on
    print(f"card: {_words(found)} -> {path}")


def _best(ways: Sequence[Tried]) -> Tried:
    """The most common of those that separate best; they are tried in that order, because a few photographs can't tell
    similar ones apart."""
    least = max(tried.separation for tried in ways) / CLEAR
    return next(tried for tried in ways if tried.separation >= least)


def _words(found: Card) -> str:
    return described(found.image(ImageInput()))


def _crops(folder: Path, detector: Detector, most: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Aligned crops of people with several photographs, and whose they are; people sorted by name."""
    crops: list[np.ndarray] = []
    labels: list[int] = []
    people, skipped = scan(folder, FLAG)
    inside = {person: folders_inside(item.file for item in items) for person, items in people.items()}
    check_not_above(folder, FLAG, inside)
    if not people and any(skip.reason == LOOSE for skip in skipped):
        raise below_people(folder, FLAG)
    for line in notes(inside, FLAG, {person: folder / person for person in inside}):
        print(f"card: {line}", flush=True)
    several = [items[:EACH] for _, items in sorted(people.items()) if len(items) > 1]
    total = min(most, sum(map(len, several)))
    with progress(what="card", unit="photograph", total=total) as bar:
        for label, crop in until_stopped(_faces(several, detector, most)):
            bar.update(1)
            if crop is not None:
                crops.append(crop)
                labels.append(label)
    counts = np.bincount(labels) if labels else np.zeros(0, int)
    pairs = int((counts * (counts - 1) // 2).sum())
    if pairs < LEAST_PAIRS or (counts > 0).sum() < 2:
        raise InputError(
            f"{FLAG} {folder}: {pairs} pairs of faces of one person are too few to measure with; give at least "
            f"{LEAST_PAIRS}: a folder for each person, with several photographs"
        )
    print(f"card: {len(crops)} faces of {int((counts > 0).sum())} people, {pairs} pairs of one person")
    return crops, np.array(labels)


def _faces(people: Sequence[Sequence], detector: Detector, most: int) -> Iterator[tuple[int, np.ndarray | None]]:
    """The central face of each photograph; None if it has no face."""
    looked = 0
    for label, items in enumerate(people):
        for item in items:
            if looked == most:
                return
            looked += 1
            try:
                image = read_photograph(item.path)
            except UnreadableError:  # a video, or damaged
                yield label, None
                continue
            faces = find_faces(image, detector)
            yield label, central_crop(image, faces) if len(faces) else None
