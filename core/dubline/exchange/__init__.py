"""A run's subtitles out to people who edit them, and back in.

    export_subtitles(root, Wanted(language="en"))        files, and records of what is in them
    import_subtitles(root, Path("edited.srt"))           what changed; the run's text follows

What comes back is a person's text: in the translation it is locked, in the transcript it counts as corrected
by hand. The files as they were stay beside them as *.before.json.
"""

from dubline.exchange.returning import Imported, import_subtitles
from dubline.exchange.sending import Wanted, export_subtitles

__all__ = ["Imported", "Wanted", "export_subtitles", "import_subtitles"]
