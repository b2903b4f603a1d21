"""The composed configuration: where it lies, objects from it, its override syntax, checks of monitors."""
