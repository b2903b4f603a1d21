"""What can be wrong with a data set, found and listed: `lssd data check` from inside."""
