"""Prints the lowest versions that pyproject.toml allows, as requirements for pip."""

import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]
print("\n".join(need.replace(">=", "==") for need in project["dependencies"]))
