"""Makes a data set in the iQIYI-VID layout from photographs and videos in one folder per person."""

import shlex

from ..installation import INSTALLED
from ..stages.settings import GendataSettings
from .arguments import read_settings

EXAMPLE = "python gendata.py --input ./photographs --output ./data/mine"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, GendataSettings)

    from ..stages.gendata import generate
    from ..tables.next_steps import say_next

    summary = generate(settings)
    if summary is not None:
        print(summary)
        dataset, name = shlex.quote(str(settings.output)), shlex.quote(settings.output.name)
        one_by_one = f"python detect.py --dataset {dataset} --stage trainval --recipe best"
        say_next(one_by_one if INSTALLED else f"./run.sh --dataset {dataset} --name {name}")
