"""What the README says that can be run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from small_programme import small_programme

README = Path(__file__).parents[2] / "README.md"


def test_its_python_works_as_printed(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", README.read_text(encoding="utf-8"), re.S | re.M)
    programme = small_programme(tmp_path, seconds=2.0)
    assert programme.picture is not None
    Path(programme.picture.path).replace(tmp_path / "EPISODE.mov")
    done = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", code],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in ("vocals", "music", "sfx", "ambient"))
    for name in ("vocals", "music", "sfx", "ambient"):
        assert (tmp_path / f"EPISODE.dubline/stems/{name}.wav").is_file()
