//! When the next delivery may begin, as a pure function of those that began.
