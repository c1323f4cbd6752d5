"""The second table of docs/ranking.md: clips of photographs at four difficulties."""
