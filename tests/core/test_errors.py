"""The error tree: every class of it says what to do, and survives the way to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from dubline import errors
from dubline.errors import DublineError

TREE = sorted(
    (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, DublineError)),
    key=lambda c: c.__name__,
)


@pytest.mark.parametrize("kind", TREE, ids=lambda c: c.__name__)
@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_pickle_keeps_everything(kind: type[DublineError], protocol: int) -> None:
    error = kind("what é happened", hint="what to do", stage="separate")
    for back in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(back) is kind
        assert (back.message, back.hint, back.stage) == ("what é happened", "what to do", "separate")
        assert str(back) == "what é happened"
        assert back.to_dict() == {
            "code": kind.code,
            "message": "what é happened",
            "hint": "what to do",
            "stage": "separate",
        }


def test_codes_tell_the_classes_apart() -> None:
    assert len({kind.code for kind in TREE}) == len(TREE)
    assert all(0 < kind.exit_status < 256 for kind in TREE)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    assert errors.__doc__ is not None
    for kind in TREE:
        assert kind.__name__ in errors.__doc__
    assert issubclass(errors.InvalidJob, ValueError)
    assert issubclass(errors.ValidationError, ValueError)
    assert issubclass(errors.StorageFull, OSError)
    for kind in (errors.FFmpegError, errors.DemucsError, errors.ValidationError):
        assert issubclass(kind, errors.AudioProcessingError)
    assert errors.Cancelled.exit_status == 130
