"""What the operating system offers, made safe: whole files, locks, disks, memory, process pools, signals, devices."""
