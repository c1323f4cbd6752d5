"""Settings of groups of unknown people: `python -m rcnn groups`."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ... import files
from ...settings import kinds, shared
from ...settings.apart import check_apart, check_file
from ...settings.fields import FILES, Settings, setting
from .places import FOUND, GROUPS, TEST_FEATURES, point_to_found
from .vectors import INPUTS

CSV = ".csv"


@dataclass(frozen=True)
class GroupsSettings(Settings):
    """Options of `python -m rcnn groups`; see its help. `output` is the table, without the ending .csv."""

    inputs: tuple[str, ...] | None = setting(
        None,
        f"output of feature.py for the clips; left out: for those that the run searched, else {TEST_FEATURES}",
        kinds.paths,
        INPUTS,
        FILES,
    )
    output: str | None = setting(
        None,
        f"NAME or NAME.csv: the table goes to the folder NAME, and the file to NAME.csv; left out: groups of the run, "
        f"else {GROUPS}",
        kinds.text,
        "NAME[.csv]",
        FILES,
    )
    run: str | None = setting(
        None,
        "the --output of find or run.sh, with the inputs, appearances and answers to use",
        kinds.text,
        "DIR",
        FILES,
    )
    appearances: str | None = setting(
        None,
        'output of python -m rcnn appearances: tracks with the verdict "yes" show known people; left out: '
        "those of the run, else nobody is known",
        kinds.text,
        "DIR",
        FILES,
    )
    answers: str | None = setting(
        None, "answers of python -m rcnn review; left out: those of the run", kinds.text, "FILE", FILES
    )
    report: str | None = setting(None, "an HTML page of the groups with their faces", kinds.text, "FILE", FILES)
    report_groups: int = setting(500, "maximum number of groups on that page", kinds.positive, "N")
    dataset: str | None = shared.labels()
    sources: str | None = shared.sources()
    alike: float | None = setting(
        None,
        "smallest cosine of neighbouring tracks, 0 to 1; left out: from the model's card and the number of tracks",
        kinds.share(False),
        "C",
    )
    overwrite: bool = shared.overwrite()
    renew: bool = shared.renew()

    def _complete(self) -> None:
        check_file("--report", self.report)
        if self.output is None:
            self._put(output=GROUPS if self.run is None else os.path.join(self.run, files.base_name(GROUPS)))
        if self.run is None and self.inputs is None:
            point_to_found("--inputs", (TEST_FEATURES,), f"python -m rcnn groups --run {FOUND}")
        if self.run is None:
            self._fill(inputs=(TEST_FEATURES,))
        output = str(self.output)
        if files.base_name(output).lower().endswith(CSV) and files.base_name(output)[: -len(CSV)]:
            self._put(output=output[: -len(CSV)])
        read = {
            "--inputs": self.inputs, "--appearances": self.appearances, "--answers": self.answers,
            "--sources": self.sources, "--run": self.run,
        }  # fmt: skip
        check_apart({"--output": self.output, "--output, the file": self.csv, "--report": self.report}, read)

    @property
    def csv(self) -> str:
        """The CSV file."""
        return f"{self.output}{CSV}"
