//! Rules and policy together: what the server and the simulator drive.
