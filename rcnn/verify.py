"""Checks stage directories: every part is there and has the bytes that were written."""

from .arguments import Parser
from .errors import InputError, run_script
from .storage import join, relative, sha256
from .store import KINDS, StageReader


def faults(path: str) -> list[str]:
    """What is wrong with a complete stage directory, a line each; empty where nothing is.

    Raises
    ------
    InputError
        If it is no complete stage directory.
    """
    reader = StageReader(path, tuple(KINDS))
    parts = reader.manifest.get("parts")
    if not isinstance(parts, dict):
        raise InputError(f"{path}: its manifest lists no parts; run {KINDS[reader.stage].script} again")
    found = {relative(part, path) for part in reader.parts}
    lines = [f"{name}: is in no manifest" for name in sorted(found - parts.keys())]
    for name, digest in sorted(parts.items()):
        if name not in found:
            lines.append(f"{name}: is missing")
        elif sha256(join(path, name)) != digest:
            lines.append(f"{name}: has other bytes than were written")
    return lines


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn.verify ./output/det_trainval ./output/feat_trainval")
    parser.add_argument("directories", nargs="+", metavar="DIR", help="what a stage wrote")
    wrong = 0
    for path in parser.parse_args().directories:
        lines = faults(path)
        print(f"{path}: {len(lines)} faults" if lines else f"{path}: whole")
        for line in lines:
            print(f"  {line}")
        wrong += bool(lines)
    if wrong:
        raise InputError(f"{wrong} directories are damaged; run their stages again with --overwrite")


if __name__ == "__main__":
    run_script(main)
