"""The protocol of docs/appearances.md: films cut together of real videos, with known cuts."""
