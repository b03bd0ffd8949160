//! What a relay's reply means for a reader, for the run and for the list.
