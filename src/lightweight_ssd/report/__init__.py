"""From run folders to rows, comparisons, tables, plots and one page."""
