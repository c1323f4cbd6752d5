"""The protocol of docs/ranking.md: search for people in films joined from real videos.

`people`: a person belongs to the tuning side ("choosing") or the final side ("end"), by a hash, with all photographs
and videos. Each side has five draws. A draw has known people, trained on photographs or one session; films show other
photographs and other sessions. `script`: the content of the films; `render`: their pictures at four levels; `draws`:
data sets and detected faces; `methods`: ranking methods, which run through the stages and are scored in `measure`.

`stills` is the protocol of clips of photographs, for a second table.
"""
