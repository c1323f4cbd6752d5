"""Stage 4 in a clone: the same as `rcnn train_mlp`."""

from rcnn.commands.train_mlp import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main, resumes=True)
