//! The server over real sockets, in a folder of its own, with the real client and the real agent where they are the other end.

mod end_to_end;
mod house;
