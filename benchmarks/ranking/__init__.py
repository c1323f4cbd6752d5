"""The protocol of docs/ranking.md: films cut together of real videos, in which people are looked for.

Who stands where, `people`: a person is for choosing or for the end, by a hash, with all photographs and videos. Of each
side there are five draws. A draw has known people, of whom photographs or one session teach; films show other
photographs and other sessions. What a film shows, `script`; its pictures at four levels, `render`; its data sets and
the faces in them, `draws`. Ways to rank, `methods`, go through the stages and are scored in `measure`.

`stills` is the protocol of clips of photographs, for a second table.
"""
