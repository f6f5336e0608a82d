//! Writes every target's seeds to `FOLDER/<target>/`, where libFuzzer finds them.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let Some(folder) = env::args_os().nth(1) else {
        return Err(io::Error::other("usage: seeds FOLDER"));
    };
    for (target, _) in broker_courier_fuzz::TARGETS {
        let folder = Path::new(&folder).join(target);
        fs::create_dir_all(&folder)?;
        for seed in broker_courier_fuzz::seeds(target) {
            fs::write(folder.join(seed.name), seed.bytes)?;
        }
    }
    Ok(())
}
