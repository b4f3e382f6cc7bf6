# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""Load balancers that are provisioned, have deletion protection, and report the real health of their targets."""
