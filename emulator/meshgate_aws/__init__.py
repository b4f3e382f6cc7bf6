# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The emulated AWS of a laptop: moto's server, whose backends are extended with what they lack for EKS, IAM, EC2, ELBv2 and STS."""
