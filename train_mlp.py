"""Stage 4 in a clone: the same as `rcnn train_mlp`."""

from rcnn.__main__ import run_stage

if __name__ == "__main__":
    run_stage("train_mlp")
