"""Run by torchrun: trains what a JSON file lists, one after another, and writes how each ended in this process.

Usage: runs.py JOBS ENDS: JOBS holds {name: {"settings": {...}, "fails_after": epochs}}; ENDS-RANK.json is written.
"""

import json
import os
import sys

from torch import distributed

from rcnn import errors
from rcnn.errors import InputError
from rcnn.stages import train
from rcnn.training.snapshot import Snapshot

RANK = os.environ["RANK"]


def main() -> None:
    jobs_path, ends_path = sys.argv[1:]
    with open(jobs_path) as file:
        jobs = json.load(file)
    distributed.init_process_group("gloo")  # one for all jobs: torchrun's store doesn't forget
    save = Snapshot.save
    ends = {}
    for name, job in jobs.items():

        def save_and_fail(snapshot, curve, job=job, **more) -> None:
            save(snapshot, curve, **more)
            if len(curve) == job.get("fails_after") and RANK == "1":
                raise InputError("the second process fails")

        Snapshot.save = save_and_fail
        settings = {**job["settings"], "lr_step": tuple(job["settings"]["lr_step"])}
        errors.speak(RANK == "0")
        try:
            train.train_mlp(train.TrainSettings(**settings))
            ends[name] = ["", errors._speaks]
        except InputError as error:
            ends[name] = [str(error), errors._speaks]
        with open(f"{ends_path}-{RANK}.json", "w") as file:
            json.dump(ends, file)


if __name__ == "__main__":
    main()
