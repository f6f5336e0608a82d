//! A small disk of its own, where only root can have one: a file system in memory.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::call::Missing;

/// It is unmounted when this is dropped.
pub(crate) struct Disk {
    place: PathBuf,
}

impl Disk {
    /// Mounts an empty one of so many MiB at `place`, with the owner and mode of the folder there.
    pub(crate) fn mounted(place: &Path, size_mib: u32) -> Outcome<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let folder = std::fs::metadata(place)?;
        let options = format!(
            "size={size_mib}m,uid={},gid={},mode={:o}",
            folder.uid(),
            folder.gid(),
            folder.mode() & 0o7777
        );
        let options = ["-t", "tmpfs", "-o", &options, "tmpfs"];
        let mounted = Command::new("mount").args(options).arg(place).output();
        match mounted {
            Ok(output) if output.status.success() => Ok(Self {
                place: place.to_owned(),
            }),
            Ok(_) | Err(_) => Err(Missing("the right to mount a file system in memory").into()),
        }
    }

    /// Fills it to its last byte.
    pub(crate) fn fill(&self) -> Outcome<()> {
        let mut filler = std::fs::File::create(self.filler())?;
        // Ends when nothing more fits, which is what is wanted.
        let _full = std::io::copy(&mut std::io::repeat(0), &mut filler);
        Ok(())
    }

    /// Makes room again.
    pub(crate) fn make_room(&self) -> Outcome<()> {
        Ok(std::fs::remove_file(self.filler())?)
    }

    /// Somebody gives it so many MiB.
    pub(crate) fn enlarge(&self, size_mib: u32) -> Outcome<()> {
        let options = format!("remount,size={size_mib}m");
        let enlarged = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.place)
            .status()?;
        if enlarged.success() {
            Ok(())
        } else {
            Err("the disk could not be enlarged".into())
        }
    }

    fn filler(&self) -> PathBuf {
        self.place.join("somebody-elses-log")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // What is left is a file system in memory, gone with this script's own view of the machine.
        let _unmounted = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}
