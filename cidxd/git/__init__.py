"""Git as argv, environment and parsers: nothing here starts a process."""
