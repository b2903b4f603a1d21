"""A data set before training: downloaded, checked, looked at, converted; the functions behind `lssd data …`."""
