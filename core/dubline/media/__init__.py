"""Media in: probing, decoding, and the sound that stages work on."""
