//! Mutexes whose holder may have panicked.
//!
//! What always holds here: what they guard is whole after every statement that changes it, so that whoever comes
//! next can have it; who guards something else does not lock it so.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Waits until nobody else has it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
