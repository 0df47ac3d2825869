"""The dub's voices: who speaks with which (`casting`), each line in its time (`fitting`, `schedule`), and the
step that makes all takes (`speaking`)."""
