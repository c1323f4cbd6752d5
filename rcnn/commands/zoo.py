"""Lists the models that are known, or fetches one; without a network it says what to get and where to put it."""

from __future__ import annotations

from ..networks.zoo.fetch import fetch, listing
from ..networks.zoo.registry import known_models
from .arguments import Parser


def main() -> None:
    parser = Parser(__doc__, "python -m rcnn zoo yunet")
    parser.add_argument("name", nargs="?", metavar="NAME", help="of the model to fetch; left out: all are listed")
    parser.add_argument("--to", default="./model", metavar="DIR", help="where its files are to lie")
    args = parser.parse_args()
    models = known_models()
    if args.name is None:
        print(listing(list(models.values())))
        return
    if args.name not in models:
        parser.error(f"there is no model {args.name} in model/zoo.toml; there are {', '.join(models)}")
    fetch(models[args.name], args.to)
