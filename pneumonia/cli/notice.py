"""What stands beside every answer."""

NOTICE = "Not a medical device: for demonstration only, not for diagnosis."
