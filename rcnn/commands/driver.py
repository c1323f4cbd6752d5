"""Prints the scripts' defaults that run.sh must know, a line each: data set, prefix of the classifier, last epoch."""

from ..stages.settings import TrainSettings
from ..stages.settings.places import DATASET


def main() -> None:
    training = TrainSettings()
    print(DATASET, training.prefix, training.last_epoch, sep="\n")


if __name__ == "__main__":
    main()
