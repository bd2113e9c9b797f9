"""Dataset recipes and writers: what the prover accepted, as training data."""
