"""The parts of one turn: guard of a conversation, prompt, answer in the making, and what it leaves behind."""
