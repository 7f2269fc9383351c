"""What puts right what crashes have left: the sweep, and the audit."""
