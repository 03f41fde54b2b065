a file, where there should be a directory
