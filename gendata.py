"""Step 0 in a clone: the same as `rcnn gendata`."""

from rcnn.commands.gendata import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main)
