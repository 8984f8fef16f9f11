//! Traits through which the use cases of Doorward reach storage, time, randomness and cryptography; with mocks.
