"""Trying what is installed: a back end that imports may still not work."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path


def try_separators() -> Iterator[tuple[str, str, bool]]:
    """Run every declared separator over two seconds of sound: (name, what happened, good).

    Good is also a separator that cannot run for a reason the user can see and mend: a library that is not
    installed, a model that is not there. The words then tell how to mend it.
    """
    import numpy as np

    from dubline.backends import available
    from dubline.errors import BackendMissing, DublineError, WeightsError
    from dubline.routing import job_of, route
    from dubline.run import Run
    from dubline.separation import separate
    from dubline.sound import SoundWriter, open_sound

    for name, info in available("separator").items():
        if not info.installed:
            yield name, f"not installed: {info.remedy}", True
            continue
        with tempfile.TemporaryDirectory(prefix="dubline-doctor-") as place:
            folder = Path(place)
            time = np.arange(96000) / 48000
            tone = (0.1 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * 3 * time)).astype(np.float32)
            with SoundWriter(folder / "tone.wav", 48000, 2, 96000) as writer:
                writer.write(np.stack([tone, tone]))
            try:
                job = job_of(route(separator=name, content="dialogue"))
                with Run(folder / "run") as run:
                    stems = run.step(separate, open_sound(folder / "tone.wav"), job)
            except (BackendMissing, WeightsError) as error:
                yield name, f"{error.message}. {error.hint}", True
            except DublineError as error:
                yield name, f"{error.message}. {error.hint}", False
            except Exception as error:  # whatever a stranger's back end or a library raises
                yield name, f"{type(error).__name__}: {error}", False
            else:
                exact = stems.quality is not None and stems.quality.residue_dbfs is None
                words = "stems sum to the source" if exact else "stems do NOT sum to the source"
                yield name, f"{words}; {'; '.join(stems.notes)}", exact
