//! A folder of stories, each file a test.
//!
//! What always holds: a file that no test plays fails one.

use std::collections::BTreeSet;
use std::path::Path;

/// Makes a test of each file of stories in a folder, named after it and played before a new stage, and
/// one that fails if the folder has a file that is not named.
#[macro_export]
macro_rules! stories {
    ($folder:expr, $stage:expr; $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                let file = concat!(stringify!($name), ".txt");
                $crate::check(&$folder.join(file), &mut $stage);
            }
        )*

        #[test]
        fn every_file_of_stories_is_played() {
            let played = [$(stringify!($name)),*];
            assert_eq!($crate::stories_in(&$folder), played.map(str::to_owned).into());
        }
    };
}

/// The names of the stories in a folder, without their endings: its files but for its `README.md`.
///
/// # Panics
/// When the folder cannot be read.
#[must_use]
pub fn stories_in(folder: &Path) -> BTreeSet<String> {
    let name = folder.display();
    let files = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    files
        .map(|file| {
            file.unwrap_or_else(|error| panic!("{name}: {error}"))
                .path()
        })
        .filter(|path| path.is_file() && !path.ends_with("README.md"))
        .map(|path| match path.extension() {
            Some(ending) if ending == "txt" => path.with_extension(""),
            _ => path,
        })
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect()
}
