"""Makes a data set in the iQIYI-VID layout of photographs and videos that lie in a folder for each person."""

import shlex

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import GendataSettings

EXAMPLE = "python gendata.py --input ./photographs --output ./data/mine"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, GendataSettings)

    from rcnn.stages.gendata import generate
    from rcnn.tables.next_steps import say_next

    summary = generate(settings)
    if summary is not None:
        print(summary)
        say_next(f"./run.sh --dataset {shlex.quote(str(settings.output))} --name {shlex.quote(settings.output.name)}")


if __name__ == "__main__":
    run_script(main)
