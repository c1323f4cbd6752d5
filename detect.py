"""Stage 1 in a clone: the same as `rcnn detect`."""

from rcnn.__main__ import run_stage

if __name__ == "__main__":
    run_stage("detect")
