"""The forms of a text in which it is searched: folded, undone, decoded; each knows where its bytes come from."""
