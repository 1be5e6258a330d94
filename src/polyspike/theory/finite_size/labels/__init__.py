"""Averages over the law of the labels and of the teacher's inputs."""
