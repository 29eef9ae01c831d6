"""The contract language: what a model may know, and when. Standard library only."""
