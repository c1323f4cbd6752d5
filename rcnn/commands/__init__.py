"""The subcommands of `rcnn`, the six stages among them, a module each, and the parser that they share."""
