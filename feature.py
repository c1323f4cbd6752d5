"""Stage 2 in a clone: the same as `rcnn feature`."""

from rcnn.__main__ import run_stage

if __name__ == "__main__":
    run_stage("feature")
