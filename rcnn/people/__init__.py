"""Who is who in what was found."""
