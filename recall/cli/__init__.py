"""The command line: flags, messages, and the commands behind them."""
