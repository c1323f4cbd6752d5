"""Stage 6 in a clone: the same as `rcnn submit`."""

from rcnn.commands.submit import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main, resumes=True)
