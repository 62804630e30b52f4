"""LEARN: corpora, networks, training, evaluation and export."""
