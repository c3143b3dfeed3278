//! End-to-end encryption of bodies.
