# Copyright (c) 2026, the meshgate authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The data path of the emulated Application Load Balancer: a real Envoy, configured from the emulator's ELBv2 state."""
