"""What kinds of data set a folder can hold: one file per family, each a pure function of the folder's listing."""
