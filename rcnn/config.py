"""Constants of the method, as `config.GROUP.NAME`.

Constants of a checkpoint are in the checkpoint, user settings in the scripts' arguments; the rest is here.
"""

from easydict import EasyDict

config = EasyDict()

config.FRAME = EasyDict(
    # (width, height) in pixels of a detector's input: the challenge's, and others with about as many pixels
    # and a small one for the small square videos of talking heads
    CANVASES=((888, 480), (752, 560), (656, 656), (560, 752), (480, 888), (1344, 320), (320, 1344), (352, 352)),
    # times that a frame is enlarged at most, as much as one of 640x360 on the challenge's canvas. More finds no further
    # face, and a small detector finds faces within large ones
    ENLARGED=4 / 3,
    LONGEST=1920,  # pixels of the longer side of a frame as it is decoded; larger ones are reduced to it
)

config.DECODE = EasyDict(
    STALL_SECONDS=60.0,  # longest wait for a frame
)

config.ESSH = EasyDict(
    BASE_SIZE=16,  # pixels, side of the anchor of scale 1
    # (stride, anchor scales) in the order of the network's outputs
    STRIDES=((32, (32, 16)), (16, (8, 4)), (8, (2, 1))),
    PRE_NMS_TOP=1000,  # candidates a stride that go into NMS
    NMS=0.3,  # intersection over union
    NMS_RETINAFACE=0.4,
    THRESHOLD=0.5,  # probability of a face
    VGG_MEAN=(123.68, 116.779, 103.939),  # R, G, B; subtracted for VGG16 backbones only
)

config.ALIGN = EasyDict(
    SIZE=112,  # pixels
    # x, y of eyes, nose tip and mouth corners in a 112x112 crop (ArcFace, arXiv:1801.07698)
    TARGET=(
        (38.2946, 51.6963),
        (73.5318, 51.5014),
        (56.0252, 71.7366),
        (41.5493, 92.3655),
        (70.7299, 92.2041),
    ),
    NARROW_SHIFT=8.0,  # pixels that x is less in crops 96 wide
)

config.CHOICE = EasyDict(
    CENTRE_PENALTY=2.0,  # area in square pixels that offsets a square pixel of distance from the centre
)

config.TRACK = EasyDict(
    FACES_A_FRAME=20,  # at most, the best scores; more is a crowd, without a main person
    SAME_PLACE=0.3,  # intersection over union of two boxes, from which on they may be one face that moved
    GAP=3,  # sampled frames for which a face may be missing
    ALIKE=0.4,  # cosine of two embeddings above which they are one person wherever they are
    UNLIKE=0.3,  # cosine below which they are two even in one place: after a cut (docs/appearances.md)
    JOIN=0.5,  # cosine of two tracks' means, from which on they are pieces of one
)

config.FOLLOW = EasyDict(  # between frames on which the detector runs, with --detect-every
    SAME_PLACE=0.5,  # intersection over union of two boxes, from which on they are one face that moved
)

config.APPEARANCE = EasyDict(
    GAP=1.0,  # seconds that a person may be out of view within one appearance
)

config.CALIBRATION = EasyDict(  # of networks of 8 bits
    FRAMES=96,  # images for a detector
    CROPS=300,  # faces for an embedding
    SHARED=0.5,  # least part of these images with which a calibration serves other runs, too
    LOST=0.01,  # share of a run's faces that a shared network may lose before the run calibrates its own
)

config.CROP = EasyDict(
    JPEG_QUALITY=95,
    LEAST_NORM=10.0,  # of the embedding of a good crop by the challenge's quality model; other models have other norms
)

config.AUGMENT = EasyDict(
    JITTER=0.1,  # brightness, contrast and saturation are changed by minus and plus this share
    LUMA=(0.299, 0.587, 0.114),  # R, G, B (ITU-R BT.601)
)

config.SUBMIT = EasyDict(
    CLASSES_PER_CLIP=200,
    CLIPS_PER_LABEL=100,
    NOBODY=0,  # the class of unknown people
)
