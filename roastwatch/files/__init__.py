"""Reading and writing files within bounds: text, YAML, private files, data folders."""
