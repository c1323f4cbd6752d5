"""The possible verdicts on a track and the known person most similar to it."""

YES, MAYBE, NO = VERDICTS = "yes", "maybe", "no"
