//! Doorward: the door-keeper of a developer platform.

fn main() {}
