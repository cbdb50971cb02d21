//! What every test needs: a server of its own, a client that follows nothing, and answers written out whole.
