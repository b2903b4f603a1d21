"""Which anchor learns which object, one rule per file; `matcher` says what each has."""
