"""The subcommands of `python -m rcnn`, a module each, and the parser that they share with the scripts."""
