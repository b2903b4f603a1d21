"""The commands that measure this project beside others and beside what the machine can do."""
