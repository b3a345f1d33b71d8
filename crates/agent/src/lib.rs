//! The provider's shell: connects, fetches, runs, contributes.
