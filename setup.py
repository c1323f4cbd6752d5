"""Builds the Cython extensions; everything else stands in pyproject.toml."""

from Cython.Build import cythonize
from setuptools import Extension, setup

EXTENSIONS = [
    Extension(f"rcnn.cython.{name}", [f"rcnn/cython/{name}.pyx"], extra_compile_args=["-O3"])
    for name in ("nms", "boxes", "candidates")
]

setup(ext_modules=cythonize(EXTENSIONS, quiet=True))
