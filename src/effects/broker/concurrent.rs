//! The same work for many items on a bounded set of threads.
//!
//! What always holds here: results come in the order of the items, and no thread outlives the
//! call. Deliberately absent: queues that grow, and stopping half-way.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Applies `work` to every item, at most `limit` at a time.
pub(crate) fn map<T, R>(items: &[T], limit: NonZeroUsize, work: impl Fn(&T) -> R + Sync) -> Vec<R>
where
    T: Sync,
    R: Send,
{
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let worker = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            let result = work(item);
            // A panic in another worker is passed on by the scope; what it left behind is whole.
            let mut done = done
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            done.push((index, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..limit.get().min(items.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let mut done = done
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order_and_the_limit_holds() {
        let items: Vec<usize> = (0..100).collect();
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let limit = NonZeroUsize::MIN.saturating_add(3);
        let results = map(&items, limit, |item| {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::yield_now();
            running.fetch_sub(1, Ordering::SeqCst);
            item * 2
        });
        assert_eq!(
            results,
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        assert!(most.into_inner() <= 4);
        assert!(map(&[] as &[u8], limit, |item| *item).is_empty());
    }
}
