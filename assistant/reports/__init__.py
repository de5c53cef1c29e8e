"""What people say is wrong about a finding of the guard, and what reviewers decide. No value is ever kept here."""
