"""One file per `lssd` command; messages and tables of the console."""
