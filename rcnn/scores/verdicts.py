"""What is said of a track and the known person that it is most like."""

YES, MAYBE, NO = VERDICTS = "yes", "maybe", "no"
