"""Stage 2 in a clone: the same as `rcnn feature`."""

from rcnn.commands.feature import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main, resumes=True)
