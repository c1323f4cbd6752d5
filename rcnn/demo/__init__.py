"""People who do not exist: drawn from a face space, posed, lit and filmed."""
