"""What the tests of the running platform share."""

from live import aws, kubectl, play

# Fixtures that are handed on.
__all__ = ["aws", "kubectl", "play"]
