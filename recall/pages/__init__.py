"""One page of HTML that holds a run, or all committed results: no outside files."""
