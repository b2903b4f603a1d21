"""The page: HTML, CSS and JavaScript that become one file."""
