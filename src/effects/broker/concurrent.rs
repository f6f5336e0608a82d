//! The same work for many items, a bounded number at a time, on whatever thread waits for it.
//!
//! What always holds here: results come in the order of the items; one that is slow delays no other.
//! Deliberately absent: stopping half-way, other than by dropping the whole.

use std::num::NonZeroUsize;

use futures_util::StreamExt as _;
use futures_util::stream::iter;

/// Applies `work` to every item, at most `limit` at a time.
pub(crate) async fn map<T, R>(
    items: &[T],
    limit: NonZeroUsize,
    work: impl AsyncFn(&T) -> R,
) -> Vec<R> {
    let work = &work;
    let numbered = items.iter().enumerate();
    let works = numbered.map(|(index, item)| async move { (index, work(item).await) });
    let mut done: Vec<(usize, R)> = iter(works).buffer_unordered(limit.get()).collect().await;
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Does `work` with every item, at most `limit` at a time.
pub(crate) async fn each<T>(
    items: impl Iterator<Item = T>,
    limit: NonZeroUsize,
    work: impl AsyncFn(T),
) {
    let works = iter(items).for_each_concurrent(limit.get(), |item| work(item));
    works.await;
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn results_keep_the_order_and_the_limit_holds() {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(check());
    }

    async fn check() {
        let items: Vec<usize> = (0..100).collect();
        let (running, most) = (Cell::new(0), Cell::new(0));
        let limit = NonZeroUsize::MIN.saturating_add(3);
        let results = map(&items, limit, async |item| {
            running.set(running.get() + 1);
            most.set(most.get().max(running.get()));
            // The later ones of each four end first.
            for _ in 0..4 - item % 4 {
                tokio::task::yield_now().await;
            }
            running.set(running.get() - 1);
            item * 2
        })
        .await;
        let doubled: Vec<usize> = items.iter().map(|item| item * 2).collect();
        assert_eq!(results, doubled);
        assert_eq!(most.get(), 4);
        assert!(
            map(&[] as &[u8], limit, async |item| *item)
                .await
                .is_empty()
        );
    }
}
