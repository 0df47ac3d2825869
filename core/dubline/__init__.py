"""Dubline: stems, transcript, translation and dub of a film, on the editor's own timeline.

Importing this package costs nothing heavy: numpy, torch and the model libraries are loaded by
the function that needs them.
"""

__version__ = "0.1.0"
