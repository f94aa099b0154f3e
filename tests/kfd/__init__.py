"""The shim on /dev/kfd: its structures, its rules, its queues on emulated cards, its recordings."""
