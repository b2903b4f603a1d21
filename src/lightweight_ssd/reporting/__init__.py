"""From run folders to the comparison: rows, differences with intervals, tables, figures, the page's data."""
