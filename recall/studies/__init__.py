"""What is measured beyond one search: lanes, jobs, and what their rows add up to."""
