"""Where the output of a stage lies when no place is named, so that the next stage finds it."""

TRAINVAL, TEST = "trainval", "test"  # --stage of detect.py
DATASET = "./data/iqiyi_vid"
DETECTED = "./output/det_"  # with the name of --stage behind it
FEATURES, TEST_FEATURES = f"./output/feat_{TRAINVAL}", f"./output/feat_{TEST}"
TRAINING_SET = "./output/trainval"
CLASSIFIER = "./model/iqiyi"
PREDICTIONS = f"./output/pred_{TEST}"
APPEARANCES = "./output/appearances"
GROUPS = "./output/groups"
