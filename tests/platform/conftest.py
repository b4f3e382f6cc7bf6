"""What the tests of the running platform share."""

from live import aws, kubectl, play
