# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The laptop's stand-in for AWS: moto's server with what it lacks for EKS, IAM, EC2, ELBv2 and STS added to its own backends."""
