"""What `cloister doctor` looks at: one file a family of checks; each check says what it found and what to do."""
