"""What is kept in files: the record of a run and the dataset."""
