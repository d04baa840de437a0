"""Programs that hold one peer each, and run a job of it for each line on the input."""
