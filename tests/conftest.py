"""Fixtures that more than one test module uses; tests that need the reference data are marked `shared`."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_people import group
from finished import Finished
from hypothesis import HealthCheck, Phase, settings
from reference_models import CHECKPOINTS, SHARED, SHIPPED
from zoo import Zoo

# a busy machine is slow, which is no fault of what is tested
settings.register_profile("ours", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ours")
# of benchmarks/mutation.py, which wants to know that a test fails and not by which smallest example
settings.register_profile("mutation", database=None, phases=(Phase.explicit, Phase.generate))

# middle between the eyes of each person on images/t1.jpg, from the left, as seen in the picture
GROUP_EYES = ((108, 318), (304, 204), (517, 327), (780, 399), (933, 118), (1172, 325))
# files that take longest start first, so that no process of `make test` works on one when the others have ended
LONG = (
    "workers/test_ray.py", "files/test_stages.py", "search/test_search.py", "end_to_end/test_run.py",
    "end_to_end/test_faults.py", "review/test_desk_browser.py", "video/test_zoo.py", "video/test_zoo_faces.py",
    "tables/test_growth.py", "training/test_distributed.py", "training/test_train_embedding.py",
    "stages/test_detect.py", "exports/test_variants.py", "workers/test_workers.py", "faces/test_onnx_models.py",
    "stages/test_grown_stages.py", "stages/test_gendata.py", "stages/test_merge.py", "files/test_growth_store.py",
    "tables/test_resume.py", "report/test_browser.py", "report/test_browser_appearances.py",
    "review/test_windows.py", "training/test_detection.py", "stages/test_preview.py", "end_to_end/test_cut_film.py",
)  # fmt: skip
NEEDED = "RCNN_NEEDS_SHARED"  # set by .ci/run, where missing reference data are a failure


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m shared` runs what needs the reference data, however it comes by them; `LONG` goes first."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.shared)
    order = {str(Path(__file__).parent / name): place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order.get(str(item.path), len(order)))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Iterator[None]:
    """What is remembered of ONNX files that were tried is forgotten after the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The reference data beside the repository."""
    if SHARED is None:
        (pytest.fail if os.environ.get(NEEDED) else pytest.skip)("../shared, the reference data, is not here")
    return SHARED


def common(factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of this run share."""
    place = factory.getbasetemp()
    return place.parent if "PYTEST_XDIST_WORKER" in os.environ else place


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A finished demo that all test files share, those of other processes of this run, too."""
    return Finished.read(common(tmp_path_factory) / "finished")


@pytest.fixture(scope="session")
def zoo(tmp_path_factory) -> Zoo:
    """Every kind of video file, each made when it is asked for."""
    return Zoo(common(tmp_path_factory) / "zoo")


@pytest.fixture(scope="session")
def checkpoints(shared: Path) -> dict[str, str]:
    """The six reference checkpoints by a short name, as PREFIX,EPOCH."""
    return {name: f"{shared / 'checkpoints' / path},0" for name, path in CHECKPOINTS.items()}


@pytest.fixture(scope="session")
def models() -> dict[str, str]:
    """The embedding and the detector that ship, as `DetectSettings` takes them."""
    return dict(SHIPPED)


@dataclass(frozen=True)
class Six:
    """A picture of six people.

    model : PREFIX,EPOCH of a detector that finds all of them, and nothing else
    image : (H, W, 3) uint8, BGR
    eyes : (6, 2) float64, the middle between the eyes of each, x, y in pixels
    """

    model: str
    image: np.ndarray
    eyes: np.ndarray


@pytest.fixture(scope="session", params=["drawn", pytest.param("photographed", marks=pytest.mark.shared)])
def six(request: pytest.FixtureRequest) -> Six:
    """The detector that ships and drawn people, and the published one and a photograph."""
    if request.param == "drawn":
        image, points = group()
        return Six(SHIPPED["detector"], image, points[:, :2].mean(1))
    model = request.getfixturevalue("checkpoints")["retinaface"]
    image = cv2.imread(str(request.getfixturevalue("shared") / "images/t1.jpg"))
    assert image.shape == (886, 1280, 3)
    return Six(model, image, np.array(GROUP_EYES, float))
