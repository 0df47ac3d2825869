"""A run: the folder in which a job's steps leave their results, each done once (`steps.py`)."""

from dubline.run.folders import Damaged, StepRecord
from dubline.run.manifest import (
    FilmPlace,
    Manifest,
    Published,
    check,
    damaged,
    placed,
    read_manifest,
    read_wish,
    standing,
)
from dubline.run.publishing import shown
from dubline.run.steps import Run, Work, step

__all__ = [
    "Damaged",
    "FilmPlace",
    "Manifest",
    "Published",
    "Run",
    "StepRecord",
    "Work",
    "check",
    "damaged",
    "placed",
    "read_manifest",
    "read_wish",
    "shown",
    "standing",
    "step",
]
