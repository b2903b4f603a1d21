"""How boxes become offsets that a network predicts, and back, one way per file; `coder` says what each has."""
