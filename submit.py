"""Stage 6: ranks the clips of each label, and scores the ranking where the truth is given."""

from rcnn.commands.arguments import read_settings
from rcnn.errors import run_script
from rcnn.stages.settings import SubmitSettings

EXAMPLE = "python submit.py --gt ./data/mine/gt_v2/test_v2.txt"


def main() -> None:
    settings = read_settings(__doc__, EXAMPLE, SubmitSettings)

    from rcnn.stages.submit import submit

    submit(settings)


if __name__ == "__main__":
    run_script(main, resumes=True)
