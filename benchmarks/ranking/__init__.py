"""The protocol of docs/ranking.md: data sets of three difficulties, levers measured on val, recipes on test."""
