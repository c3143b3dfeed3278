//! What keeps a process of the house to itself: confinement as straight-line steps, and memory for secrets; and what no safe
//! crate says to a block device.
//! Never reads configuration or keys, and knows nothing of people or messages. The only room (beside the GOST bridge)
//! in which unsafe code is allowed: one call per block, each with the rule it obeys.
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

mod block_device;
mod dump;
mod inherited;
mod limits;
mod mapping;
mod memory;
mod sandbox;
mod secret_box;
mod secret_page;
mod stack;

pub use block_device::discard_blocks;
pub use inherited::close_on_exec;
pub use limits::{FILES_MAX, LOCKED_BYTES_MIN};
pub use sandbox::{Sandbox, SandboxError, Sandboxed, Step, StepOutcome};
pub use secret_box::SecretBox;
pub use secret_page::{PageKind, SECRET_PAGE_BYTES, SecretPage, SecretPageError};
pub use stack::scrub_stack;
