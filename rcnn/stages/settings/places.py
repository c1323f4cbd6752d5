"""Default outputs of the stages, where the next stage finds them."""

TRAINVAL, TEST = "trainval", "test"  # --stage of detect.py
DATASET = "./data/iqiyi_vid"
DETECTED = "./output/det_"  # followed by the value of --stage
FEATURES, TEST_FEATURES = f"./output/feat_{TRAINVAL}", f"./output/feat_{TEST}"
TRAINING_SET = "./output/trainval"
CLASSIFIER = "./model/iqiyi"
PREDICTIONS = f"./output/pred_{TEST}"
APPEARANCES = "./output/appearances"
GROUPS = "./output/groups"
