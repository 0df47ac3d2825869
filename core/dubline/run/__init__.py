"""A run: the folder in which a job's steps leave their results, each done once (`steps.py`)."""

from dubline.run.folders import Damaged, FileMark, StepRecord, digest_of, mark_of, read_folder, verified
from dubline.run.manifest import (
    FilmPlace,
    Manifest,
    Published,
    check,
    damaged,
    is_damaged,
    placed,
    read_manifest,
    read_wish,
    remedy,
    standing,
)
from dubline.run.publishing import shown
from dubline.run.steps import Run, Work, step
from dubline.run.together import write_together

__all__ = [
    "Damaged",
    "FileMark",
    "FilmPlace",
    "Manifest",
    "Published",
    "Run",
    "StepRecord",
    "Work",
    "check",
    "damaged",
    "digest_of",
    "is_damaged",
    "mark_of",
    "placed",
    "read_folder",
    "read_manifest",
    "read_wish",
    "remedy",
    "shown",
    "standing",
    "step",
    "verified",
    "write_together",
]
