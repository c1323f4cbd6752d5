"""Packages and Cython extensions; everything else stands in pyproject.toml."""

from setuptools import Extension, find_packages, setup

setup(
    packages=[*find_packages(include=["rcnn*"]), "rcnn.models"],
    ext_modules=[
        Extension(f"rcnn.cython.{name}", [f"rcnn/cython/{name}.pyx"], extra_compile_args=["-O3"])
        for name in ("nms", "boxes", "candidates")
    ],
)
