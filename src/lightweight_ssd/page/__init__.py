"""The comparison page: its template, style and scripts, and the function that puts them into one file."""
