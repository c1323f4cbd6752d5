"""The protocol of docs/appearances.md: films joined from real videos, with known cuts."""
