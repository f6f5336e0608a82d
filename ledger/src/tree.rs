//! The Merkle tree of RFC 6962 over the hashes of a log's entries: what a checkpoint names, and what a
//! proof about one entry, or about two sizes, is made of.
//!
//! What always holds here: leaf n − 1 is the hash of entry n, as it lies at its end; since that hash stands
//! for everything before it, chain and tree cannot disagree. Nothing that is checked panics, whatever it is
//! made of. Deliberately absent: who signs (the program), and where the hashes are read.

use crate::digest::Digest;

/// A tree that grows: its size, and the roots of its complete parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the complete parts, the largest first: one for each bit of the size.
    edge: Vec<Digest>,
}

impl Tree {
    /// The tree of this size whose complete parts have these roots; none where their number is another.
    #[must_use]
    pub fn of_edge(size: u64, edge: Vec<Digest>) -> Option<Self> {
        let fits = edge.len() == size.count_ones() as usize;
        fits.then_some(Self { size, edge })
    }

    /// Takes in the hash of the next entry.
    pub fn push(&mut self, entry: Digest) {
        let mut part = leaf(entry);
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                part = node(left, part);
            }
        }
        self.edge.push(part);
        self.size += 1;
    }

    /// How many entries it holds.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of its complete parts, the largest first.
    #[must_use]
    pub fn edge(&self) -> &[Digest] {
        &self.edge
    }

    /// Its root; of no entries, the hash of nothing.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut parts = self.edge.iter().rev().copied();
        let Some(last) = parts.next() else {
            return Digest::of(&[]);
        };
        parts.fold(last, |right, left| node(left, right))
    }
}

/// The hash of a leaf: SHA-256(0x00 ‖ hash of the entry).
fn leaf(entry: Digest) -> Digest {
    let mut bytes = [0; 33];
    bytes[1..].copy_from_slice(&entry.0);
    // In one piece: of a million entries, each counts.
    Digest::of(&[&bytes])
}

/// The hash of what lies above two parts: SHA-256(0x01 ‖ left ‖ right).
fn node(left: Digest, right: Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Digest::of(&[&bytes])
}

/// Where a tree of more than one entry divides: the largest power of two below its size.
fn left_size(size: usize) -> usize {
    1 << size.saturating_sub(1).checked_ilog2().unwrap_or(0)
}

/// A tree with everything that proofs about it are made of.
#[derive(Clone, Debug)]
pub struct FullTree {
    /// The roots of all complete parts, by their level: of one entry, of two, of four.
    levels: Vec<Vec<Digest>>,
}

impl FullTree {
    /// The tree over the entries with these hashes.
    #[must_use]
    pub fn of(entries: &[Digest]) -> Self {
        let mut level: Vec<Digest> = entries.iter().copied().map(leaf).collect();
        let mut levels = Vec::new();
        while !level.is_empty() {
            let (pairs, _) = level.as_chunks();
            let next = pairs.iter().map(|[left, right]| node(*left, *right));
            let next = next.collect();
            levels.push(std::mem::replace(&mut level, next));
        }
        Self { levels }
    }

    fn size(&self) -> usize {
        self.levels.first().map_or(0, Vec::len)
    }

    /// The root over the first entries, so many.
    #[must_use]
    pub fn root(&self, size: usize) -> Option<Digest> {
        match size {
            0 => Some(Digest::of(&[])),
            _ => self.part(0, size),
        }
    }

    /// The root of the part that begins with this entry and has so many.
    fn part(&self, start: usize, size: usize) -> Option<Digest> {
        if size.is_power_of_two() {
            let level = self.levels.get(size.ilog2() as usize)?;
            return level.get(start / size).copied();
        }
        let left = left_size(size);
        let (left, right) = (
            self.part(start, left)?,
            self.part(start + left, size - left)?,
        );
        Some(node(left, right))
    }

    /// What proves that the entry of this index (from 0) is in the tree over the first entries, so many: from
    /// its sibling upward; none where there is no such entry.
    #[must_use]
    pub fn inclusion(&self, index: usize, size: usize) -> Option<Vec<Digest>> {
        let (mut start, mut left_over, mut path) = (0, size, Vec::new());
        if index >= size || size > self.size() {
            return None;
        }
        while left_over > 1 {
            let left = left_size(left_over);
            if index < start + left {
                path.push(self.part(start + left, left_over - left)?);
                left_over = left;
            } else {
                path.push(self.part(start, left)?);
                (start, left_over) = (start + left, left_over - left);
            }
        }
        path.reverse();
        Some(path)
    }

    /// What proves that the tree over the first `new` entries goes on from that over the first `old`; none where
    /// those are none, or more.
    #[must_use]
    pub fn consistency(&self, old: usize, new: usize) -> Option<Vec<Digest>> {
        let (mut start, mut left_over, mut path) = (0, new, Vec::new());
        if old == 0 || old > new || new > self.size() {
            return None;
        }
        while old < start + left_over {
            let left = left_size(left_over);
            if old <= start + left {
                path.push(self.part(start + left, left_over - left)?);
                left_over = left;
            } else {
                path.push(self.part(start, left)?);
                (start, left_over) = (start + left, left_over - left);
            }
        }
        // Whoever asks knows the root of what is wholly old from the start.
        if start > 0 {
            path.push(self.part(start, left_over)?);
        }
        path.reverse();
        Some(path)
    }
}

/// Whether this path proves that the entry with this hash stands at `index` in the tree of this size and root.
#[must_use]
pub fn includes(entry: Digest, index: u64, size: u64, path: &[Digest], tree: Digest) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut part) = (index, size - 1, leaf(entry));
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            part = node(*sibling, part);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            part = node(part, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && part == tree
}

/// Whether this path proves that the tree of `new` goes on from that of `old`; each is a size and a root.
#[must_use]
pub fn goes_on(old: (u64, Digest), new: (u64, Digest), path: &[Digest]) -> bool {
    let ((old, old_root), (new, new_root)) = (old, new);
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        (at, last) = (at >> 1, last >> 1);
    }
    // The root of an old tree that is one complete part is known, and not in the path.
    let (first, rest) = match path.split_first() {
        Some(_) if old.is_power_of_two() => (&old_root, path),
        Some((first, rest)) => (first, rest),
        None => return false,
    };
    let (mut of_old, mut of_new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            of_old = node(*sibling, of_old);
            of_new = node(*sibling, of_new);
            while at & 1 == 0 && at != 0 {
                (at, last) = (at >> 1, last >> 1);
            }
        } else {
            of_new = node(of_new, *sibling);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && of_old == old_root && of_new == new_root
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Go's `golang.org/x/mod/sumdb/tlog` made of the same entries (`integration/independent/tlog`).
    const RECORDED: &str = include_str!("../tests/data/tlog.txt");

    /// The hash of entry `number` in these tests, and in the recording.
    fn entry(number: u64) -> Digest {
        Digest::of(&[b"entry ", number.to_string().as_bytes()])
    }

    fn entries(size: u64) -> Vec<Digest> {
        (1..=size).map(entry).collect()
    }

    /// One digest for everything about a size: its root, the proof of each entry, and of each smaller size.
    fn everything(size: u64) -> Digest {
        // Of a larger tree, as it is when a checkpoint is an earlier one.
        let full = FullTree::of(&entries(size + 3));
        let size = size as usize;
        let mut all = full.root(size).expect("so many").0.to_vec();
        for index in 0..size {
            all.push(b'i');
            for part in full.inclusion(index, size).expect("there") {
                all.extend(part.0);
            }
        }
        for old in 1..=size {
            all.push(b'c');
            for part in full.consistency(old, size).expect("smaller") {
                all.extend(part.0);
            }
        }
        Digest::of(&[&all])
    }

    #[test]
    fn roots_and_proofs_of_every_size_to_300_are_those_that_go_makes() {
        let mut sizes = 0;
        for line in RECORDED.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            match *words {
                ["all", size, digest] => {
                    let size: u64 = size.parse().expect("a size");
                    assert_eq!(everything(size).to_string(), digest, "size {size}");
                    sizes += 1;
                }
                ["root", size, digest] => {
                    let size: u64 = size.parse().expect("a size");
                    let mut tree = Tree::default();
                    for number in 1..=size {
                        tree.push(entry(number));
                    }
                    assert_eq!(tree.root().to_string(), digest, "size {size}");
                }
                _ => panic!("{line}"),
            }
        }
        assert_eq!(sizes, 300);
    }

    #[test]
    fn what_is_proven_is_accepted_and_nothing_else() {
        for size in 1..=40_u64 {
            let entries = entries(size);
            let full = FullTree::of(&entries);
            let tree = full.root(size as usize).expect("all");
            for index in 0..size {
                let path = full
                    .inclusion(index as usize, size as usize)
                    .expect("there");
                let here = entries[index as usize];
                assert!(
                    includes(here, index, size, &path, tree),
                    "{index} of {size}"
                );
                for other in 0..=size {
                    let accepted = includes(here, other, size, &path, tree);
                    assert_eq!(accepted, other == index, "{index} as {other} of {size}");
                }
                assert!(!includes(entry(0), index, size, &path, tree));
                assert!(!includes(here, index, size, &path, entry(0)));
                for part in 0..path.len() {
                    let mut changed = path.clone();
                    changed[part].0[31] ^= 1;
                    assert!(!includes(here, index, size, &changed, tree));
                    let cut = [&path[..part], &path[part + 1..]].concat();
                    assert!(!includes(here, index, size, &cut, tree));
                }
                let longer = [&path[..], &[entry(0)]].concat();
                assert!(!includes(here, index, size, &longer, tree));
            }
            for old in 1..=size {
                let path = full
                    .consistency(old as usize, size as usize)
                    .expect("smaller");
                let before = full.root(old as usize).expect("a part");
                assert!(
                    goes_on((old, before), (size, tree), &path),
                    "{old} of {size}"
                );
                assert!(!goes_on((old, entry(0)), (size, tree), &path));
                assert!(!goes_on((old, before), (size, entry(0)), &path));
                for part in 0..path.len() {
                    let mut changed = path.clone();
                    changed[part].0[0] ^= 0x80;
                    assert!(!goes_on((old, before), (size, tree), &changed));
                    let cut = [&path[..part], &path[part + 1..]].concat();
                    assert!(!goes_on((old, before), (size, tree), &cut));
                }
                let longer = [&path[..], &[entry(0)]].concat();
                assert!(!goes_on((old, before), (size, tree), &longer));
            }
        }
    }

    #[test]
    fn nothing_is_proven_of_nothing_and_beyond_the_end() {
        let entries = entries(5);
        let full = FullTree::of(&entries);
        let tree = full.root(5).expect("all");
        assert_eq!(full.inclusion(5, 5), None);
        assert_eq!(full.inclusion(5, 6), None);
        assert_eq!(FullTree::of(&[]).inclusion(0, 0), None);
        assert_eq!(full.consistency(0, 5), None);
        assert_eq!(full.consistency(6, 5), None);
        assert_eq!(full.consistency(5, 6), None);
        assert_eq!(full.root(6), None);
        assert!(!includes(entries[0], 0, 0, &[], tree));
        assert!(!includes(entries[0], u64::MAX, u64::MAX, &[tree; 80], tree));
        assert!(!goes_on((0, tree), (5, tree), &[]));
        assert!(!goes_on((6, tree), (5, tree), &[]));
        assert!(!goes_on((1, tree), (u64::MAX, tree), &[tree; 80]));
        assert_eq!(Tree::default().root(), Digest::of(&[]));
    }

    #[test]
    fn a_tree_goes_on_from_its_edge() {
        let full = FullTree::of(&entries(200));
        let mut tree = Tree::default();
        assert_eq!(Some(tree.root()), full.root(0));
        for number in 1..=200 {
            let again = Tree::of_edge(tree.size(), tree.edge().to_vec());
            assert_eq!(again.as_ref(), Some(&tree));
            assert_eq!(Tree::of_edge(tree.size() + 1, vec![entry(1); 9]), None);
            tree.push(entry(number));
            assert_eq!(Some(tree.root()), full.root(number as usize));
        }
    }
}
