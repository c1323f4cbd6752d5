"""Stage 3 in a clone: the same as `rcnn genfeat`."""

from rcnn.commands.genfeat import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main, resumes=True)
