"""Identifies people: templates, answers, verdicts, groups and appearances."""
