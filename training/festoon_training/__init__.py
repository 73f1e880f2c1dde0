"""Trains festoon's default checkpoint: a small model of the Wan 2.2 architecture, from clips that festoon paints itself."""
