"""Actors of Ray: the same results, lost actors and nodes, nodes that join, decoders elsewhere."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from drawn_people import framed, portrait, put_clip
from jobs import Doubling
from patience import PATIENCE, wait_for

from rcnn.errors import InputError
from rcnn.networks.checkpoint import save_checkpoint
from rcnn.networks.graphs.classifier import ClassifierShape, build_graph
from rcnn.stages.detect import DetectSettings, detect
from rcnn.stages.feature import FeatureSettings, feature
from rcnn.stages.predict import PredictSettings, predict
from rcnn.training.mlp import Classifier
from rcnn.workers import Plan, open_crew
from rcnn.workers.pipeline import groups

ray = pytest.importorskip("ray", reason="Ray is not installed; make EXTRAS=ray")
pytest.importorskip("ray.cluster_utils")

from rcnn.workers.ray_pool import cpus_each  # noqa: E402


@pytest.fixture(scope="module")
def cluster():
    """A head without CPUs of its own, and three nodes of one CPU, one of which also decodes."""
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 200 << 20})
    small = {"num_cpus": 1, "object_store_memory": 200 << 20}
    cluster.workers = [cluster.add_node(**small) for _ in range(2)]
    cluster.workers.append(cluster.add_node(**small, resources={"decoder": 2}))
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def doubled(job, plan):
    with open_crew(job, plan, 2) as crew:
        return doubled_by(crew)


def doubled_by(crew, count=20, each=lambda done: None):
    found = []
    for group, results in crew.map(groups(range(count), 4)):
        found += zip(group, results, strict=True)
        each(len(found))
    return found


def right(count=20, lost=()):
    return [(item, 2 * item) for item in range(count) if item not in lost]


def test_without_ray_the_line_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="pip install -r requirements-ray"):
        open_crew(Doubling(str(tmp_path)), Plan(-1, ray="local"), 2)


def test_shares_of_the_cpus():
    assert cpus_each([4, 4, 4], 4) == 2
    assert cpus_each([16], 2, spare=4) == 6
    assert cpus_each([1, 1], 5) == 1


def test_a_clip_that_always_kills_its_actor_is_given_up(cluster, tmp_path):
    found = doubled(Doubling(str(tmp_path), kills=((6, 99), (9, 1))), Plan(-1, workers=2, ray="auto"))
    assert found[6][1].startswith("killed its worker 3 times")
    assert [pair for pair in found if pair[0] != 6] == right(lost=(6,))


def test_a_job_that_can_not_be_built_is_one_line(cluster, tmp_path):
    with pytest.raises(InputError, match="model: is broken; fix it"):
        doubled(Doubling(str(tmp_path), start="fail"), Plan(-1, workers=1, ray="auto"))


def written(out):
    return {str(part.relative_to(out)): part.read_bytes() for part in sorted(out.rglob("*.parquet"))}


def detected(settings, out, **changes):
    detect(DetectSettings(output=str(out), **settings, **changes))
    return written(out)


@pytest.fixture(scope="module")
def threads(settings, tmp_path_factory) -> Path:
    """Faces as threads of one process find them."""
    out = tmp_path_factory.mktemp("threads")
    detect(DetectSettings(output=str(out), **settings))
    return out


def test_workers_and_decoders_on_other_nodes_write_the_same_bytes(cluster, settings, threads, tmp_path):
    one = written(threads)
    assert detected(settings, tmp_path / "ray2", ray="auto", workers=2) == one
    assert detected(settings, tmp_path / "decoders", ray="auto", workers=1, decoders=2) == one


def test_features_and_scores_are_the_same_from_actors(cluster, settings, threads, tmp_path):
    faces = str(threads)
    shape = ClassifierShape(128, 16, 9)
    classifier = f"{tmp_path / 'mlp'},1"
    save_checkpoint(classifier, build_graph(shape, Classifier(shape).arrays()))
    for name, by_ray in (("threads", False), ("actors", True)):
        crew = {"gpu": -1, "ray": "auto" if by_ray else None, "workers": 2 if by_ray else None}
        feature(FeatureSettings(settings["model"], faces, str(tmp_path / f"feat-{name}"), aug=1, **crew))
        predict(PredictSettings(classifier, (str(tmp_path / f"feat-{name}"),), str(tmp_path / f"pred-{name}"), **crew))
    for stage in ("feat", "pred"):
        assert written(tmp_path / f"{stage}-actors") == written(tmp_path / f"{stage}-threads") != {}


def test_decoders_sit_where_the_cluster_says(cluster, tmp_path):
    crew = open_crew(Doubling(str(tmp_path)), Plan(-1, workers=1, ray="auto", decoders=2), 2)
    with crew:
        crew.start()
        places = set(ray.get([decoder.node.remote() for decoder in crew._pool._decoders]))
        own = ray.get_runtime_context().get_node_id()
        assert places == {cluster.workers[2].node_id} and own not in places


class Starving:
    """Ray, whose memory monitor kills an actor that worked at a number, as `ray.get` tells of it.

    Parameters
    ----------
    times : how often at most, by number
    """

    def __init__(self, times):
        self.times = times

    def __getattr__(self, name):
        return getattr(ray, name)

    def get(self, reference):
        kind, value = ray.get(reference)
        for number in self.times:
            if isinstance(value, list) and 2 * number in value and self.times[number]:
                self.times[number] -= 1
                raise ray.exceptions.OutOfMemoryError("Task was killed due to the node running low on memory.")
        return kind, value


def test_actors_that_ray_kills_for_want_of_memory_are_replaced(cluster, tmp_path):
    crew = open_crew(Doubling(str(tmp_path)), Plan(-1, workers=2, ray="auto"), 2)
    crew._pool._ray = Starving({6: 99, 18: 1})
    with crew:
        found = doubled_by(crew)
    assert found[6] == (6, "killed its worker 3 times (out of memory)")
    assert [pair for pair in found if pair[0] != 6] == right(lost=(6,))
    attempts = {number: len((tmp_path / f"item-{number}").read_text().splitlines()) for number in (6, 18)}
    # in its group twice and alone 3 times, or once and twice more where it was next to the other at an actor that died
    assert 5 <= attempts[6] <= 6
    assert 2 <= attempts[18] <= 4


def test_a_clip_goes_on_where_its_decoder_died_and_waits_for_a_node_that_decodes(
    cluster, tmp_path, monkeypatch, capsys
):
    from rcnn.video.decoder import FrameDecoder
    from rcnn.workers import ray_decoders

    clip = tmp_path / "clip.mp4"
    put_clip(clip, [framed(portrait(0), shift) for shift in range(60)])
    monkeypatch.setattr(ray_decoders, "PATIENCE", 0.5)
    monkeypatch.setattr(ray_decoders, "REMIND", 0.0)
    with open_crew(Doubling(str(tmp_path)), Plan(-1, workers=1, ray="auto", decoders=1), 2) as crew:
        crew.start()
        pool = crew._pool
        frames = iter(pool._source(pool._decoders, 0)().read_frames(str(clip)))
        times = [next(frames).time for _ in range(10)]
        assert ray.get(ray_decoders.ask(pool._decoders[0]), timeout=PATIENCE)  # while its clip waits to be taken
        ray.kill(pool._decoders[0], no_restart=False)
        times += [next(frames).time for _ in range(20)]  # more than had been decoded ahead
        cluster.remove_node(cluster.workers.pop(), allow_graceful=False)
        capsys.readouterr()
        said = []

        def waits():
            pool.wait()
            said.append(capsys.readouterr().err)
            return "--decoders: no decoder" in said[-1]

        wait_for(waits)
        assert "waiting for a node with resource decoder (ray start --address=" in said[-1]
        monkeypatch.setattr(ray_decoders, "GIVEN_UP", 0.0)
        with pytest.raises(InputError, match=r"start a node with resource decoder .* and resume with: "):
            while True:
                pool.wait()
        cluster.workers.append(cluster.add_node(num_cpus=1, object_store_memory=200 << 20, resources={"decoder": 2}))
        times += [frame.time for frame in frames]
    assert times == [frame.time for frame in FrameDecoder().read_frames(str(clip))]


def test_a_node_is_lost_in_mid_run_and_another_joins(cluster, tmp_path):
    job = Doubling(str(tmp_path), seconds=0.01, meets=((0, 3), (199, 4)), hangs=((22, 1),))
    crew = open_crew(job, Plan(-1, ray="auto"), 2)
    wait, lost = crew._pool.wait, []

    def waits():  # the node is lost whose worker has item 22 in hand, and would have it for ever
        if (tmp_path / "item-22").exists() and not lost:
            at_work = [actor.node for actor in crew._pool._actors.values() if 6 in actor.pending.values()]
            lost.extend(node for node in cluster.workers if [node.node_id] == at_work)
            cluster.workers.remove(lost[0])
            cluster.remove_node(lost[0], allow_graceful=False)
        return wait()

    def joins(done):
        if done == 60:
            cluster.workers.append(cluster.add_node(num_cpus=1, object_store_memory=200 << 20))

    crew._pool.wait = waits
    with crew:
        assert doubled_by(crew, 200, joins) == right(200)
    attempts = {path.name: len(path.read_text().splitlines()) for path in Path(tmp_path).glob("item-*")}
    assert len(attempts) == 200 and attempts["item-22"] == 2  # what was in hand was done again
    assert max(attempts.values()) == 2
    assert len(list(Path(tmp_path).glob("pid-*"))) == 4  # three, and one on the node that joined


def test_without_any_node_it_waits_and_says_so(cluster, tmp_path, monkeypatch, capsys):
    from rcnn.workers import ray_pool

    monkeypatch.setattr(ray_pool, "PATIENCE", 0.5)
    job = Doubling(str(tmp_path))
    plan = Plan(-1, ray="auto")
    crew = open_crew(job, plan, 2)
    crew._pool._wanted = lambda: 1
    crew._pool._shared = lambda nodes: ray_pool.Share(2, 0, 1)  # more than any node has
    wait, looks = crew._pool.wait, []

    def joined_after_a_while():
        looks.append(0)
        if len(looks) == 4:
            cluster.add_node(num_cpus=2, object_store_memory=200 << 20)
        return wait()

    crew._pool.wait = joined_after_a_while
    with crew:
        assert [list(results) for _, results in crew.map([[1], [2]])] == [[2], [4]]
    assert "waiting for a node with 2 free CPUs" in capsys.readouterr().err
