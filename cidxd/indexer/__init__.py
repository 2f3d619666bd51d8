"""The child program that builds and searches one repository's index."""
