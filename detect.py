"""Stage 1 in a clone: the same as `rcnn detect`."""

from rcnn.commands.detect import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main, resumes=True)
