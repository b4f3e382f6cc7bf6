# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""EKS with clusters that take time, node groups, updates, access entries, add-ons and Pod Identity associations."""
