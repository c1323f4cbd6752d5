"""The subcommands of `rcnn`, including the six stages, one module each, and their shared parser."""
