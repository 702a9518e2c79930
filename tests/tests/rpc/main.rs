//! APIs, from the annotation to every transport: what callers get, and what bad input costs.

mod admin;
mod apis;
mod bad_http;
mod bad_input;
mod in_process;
mod patience;
mod raw;
mod slow;
mod sockets;
mod spec;
mod strangers;
