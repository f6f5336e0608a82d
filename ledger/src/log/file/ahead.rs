//! A thread that makes entries of blocks, a few blocks ahead of the one that folds them.
//!
//! What always holds here: blocks go in and portions come out one for one, in the same order, so
//! that what the caller sees does not depend on the threads; the thread ends with its owner.
//! Deliberately absent: files, which stay on the caller's thread.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::log::file::frames::Frames;
use crate::log::file::mark::{Mark, Portion};

/// The other thread, and what is under way to it and back.
pub(super) struct Ahead {
    /// None only while the owner ends.
    blocks: Option<Sender<Vec<u8>>>,
    portions: Receiver<(Vec<u8>, Portion)>,
    thread: Option<JoinHandle<()>>,
    under_way: usize,
    spare: Vec<Vec<u8>>,
}

impl Ahead {
    /// Keeps both threads busy, and little in memory.
    const BLOCKS_MAX: usize = 4;

    /// Begins at `mark`; the file's first `end` bytes will come. `None` when there is no thread to
    /// be had.
    pub(super) fn begin(mark: Mark, end: u64) -> Option<Self> {
        let (blocks, received) = channel::<Vec<u8>>();
        let (done, portions) = channel();
        let work = move || {
            let mut frames = Frames::new(mark, end);
            for block in received {
                let portion = frames.feed(&block);
                if done.send((block, portion)).is_err() {
                    break;
                }
            }
        };
        let thread = Builder::new().name("ledger".to_owned()).spawn(work).ok()?;
        Some(Self {
            blocks: Some(blocks),
            portions,
            thread: Some(thread),
            under_way: 0,
            spare: Vec::new(),
        })
    }

    /// Whether another block may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.under_way < Self::BLOCKS_MAX
    }

    /// Whether no portion is to come.
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// The memory of a block that is done with.
    pub(super) fn spare_block(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    pub(super) fn send(&mut self, block: Vec<u8>) {
        if let Some(blocks) = &self.blocks
            && blocks.send(block).is_ok()
        {
            self.under_way += 1;
        } else {
            self.fail();
        }
    }

    /// Waits for what came of the earliest block.
    pub(super) fn receive(&mut self) -> Portion {
        match self.portions.recv() {
            Ok((block, portion)) => {
                self.under_way -= 1;
                self.spare.push(block);
                portion
            }
            Err(_) => self.fail(),
        }
    }

    /// The thread ends before its owner only by a panic, which becomes the owner's.
    fn fail(&mut self) -> ! {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            Some(Ok(())) | None => unreachable!("the thread ends after its owner"),
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.blocks = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
