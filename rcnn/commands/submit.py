"""Stage 6: ranks the clips of each label, and scores the ranking where the truth is given."""

from ..stages.settings import SubmitSettings
from .arguments import read_settings

EXAMPLE = "python submit.py --gt ./data/mine/gt_v2/test_v2.txt"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, SubmitSettings)

    from ..stages.submit import submit

    submit(settings)
