"""The app as a Space of the Hub runs it, without the Hub."""
