"""Sources of annotated images: each gives `class_names` and `annotations("train" | "val" | "test")`."""
