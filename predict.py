"""Stage 5 in a clone: the same as `rcnn predict`."""

from rcnn.commands.predict import main
from rcnn.errors import run_script

if __name__ == "__main__":
    run_script(main, resumes=True)
