//! What every log must do, however it is kept: one contract, over each implementation.

mod contract;
mod order;
