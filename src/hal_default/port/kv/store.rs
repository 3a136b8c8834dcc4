//! The file behind `HAL_Kv_*`.
//!
//! Every change writes a new file beside the old one and renames it into place, so that a crash
//! leaves one or the other, never a mixture. A lock file keeps processes and threads from losing
//! each other's changes.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// First bytes of the file: what it is, and which version of the format.
const MAGIC: &[u8; 8] = b"IOTXKV\x00\x01";
const MAX_KEY_LEN: usize = 255;
/// For one value and for the whole file: what firmware keeps here is settings.
const MAX_FILE_LEN: usize = 1 << 20;
const OWNER_ONLY: u32 = 0o600;

/// Why the store did not do what it was asked to.
#[derive(Debug)]
pub(super) enum Error {
    BadKey,
    BadValue,
    NoBuffer,
    TooSmall { room: usize, needed: usize },
    NoSuchKey,
    Damaged(PathBuf),
    File(PathBuf, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadKey => write!(f, "a key has 1 to {MAX_KEY_LEN} bytes of UTF-8"),
            Self::BadValue => write!(
                f,
                "no value (NULL), or more than {MAX_FILE_LEN} bytes in all"
            ),
            Self::NoBuffer => f.write_str("no buffer or no length (NULL)"),
            Self::TooSmall { room, needed } => {
                write!(f, "the value has {needed} bytes, the buffer {room}")
            }
            Self::NoSuchKey => f.write_str("no such key"),
            Self::Damaged(path) => write!(
                f,
                "{} is damaged; HAL_Kv_Erase_All begins a new one",
                path.display()
            ),
            Self::File(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

/// In the order of their first setting. Few enough to be searched one by one.
#[derive(Default)]
struct Entries(Vec<(String, Zeroizing<Vec<u8>>)>);

impl Entries {
    fn insert(&mut self, key: &str, value: &[u8]) {
        let value = Zeroizing::new(value.to_vec());
        match self.0.iter_mut().find(|(known, _)| known == key) {
            Some(entry) => entry.1 = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    fn remove(&mut self, key: &str) -> Option<Zeroizing<Vec<u8>>> {
        let index = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(index).1)
    }
}

/// Entry by entry: length of the key (1 byte), key, length of the value (4 bytes, little-endian),
/// value.
fn encode(entries: &Entries) -> Zeroizing<Vec<u8>> {
    // Sized at once: growing would leave copies of secrets behind.
    let sizes = entries
        .0
        .iter()
        .map(|(key, value)| 1 + key.len() + 4 + value.len());
    let len = MAGIC.len() + sizes.sum::<usize>();
    let mut file = Zeroizing::new(Vec::with_capacity(len));
    file.extend_from_slice(MAGIC);
    for (key, value) in &entries.0 {
        // Both lengths have been checked before the entry came in.
        file.push(key.len() as u8);
        file.extend_from_slice(key.as_bytes());
        file.extend_from_slice(&(value.len() as u32).to_le_bytes());
        file.extend_from_slice(value);
    }
    file
}

fn decode(file: &[u8]) -> Option<Entries> {
    let mut rest = file.strip_prefix(MAGIC)?;
    let mut entries = Entries::default();
    while let Some((key_len, after)) = rest.split_first() {
        let (key, after) = after.split_at_checked(usize::from(*key_len))?;
        let (value_len, after) = after.split_first_chunk::<4>()?;
        let value_len = usize::try_from(u32::from_le_bytes(*value_len)).ok()?;
        let (value, after) = after.split_at_checked(value_len)?;
        entries.insert(std::str::from_utf8(key).ok()?, value);
        rest = after;
    }
    Some(entries)
}

/// Held until dropped.
struct Lock(#[expect(dead_code, reason = "its descriptor carries the lock")] File);

/// A store in one file.
pub(super) struct Store {
    path: PathBuf,
}

impl Store {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    pub(super) fn get(&self, key: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
        // No lock: a rename swaps whole files.
        self.load()?.remove(key).ok_or(Error::NoSuchKey)
    }

    pub(super) fn set(&self, key: &str, value: &[u8], sync: bool) -> Result<(), Error> {
        if key.is_empty() || key.len() > MAX_KEY_LEN {
            return Err(Error::BadKey);
        }
        if value.len() > MAX_FILE_LEN {
            return Err(Error::BadValue);
        }
        let _lock = self.lock()?;
        let mut entries = self.load()?;
        entries.insert(key, value);
        self.replace(&entries, sync)
    }

    pub(super) fn delete(&self, key: &str) -> Result<(), Error> {
        let _lock = self.lock()?;
        let mut entries = self.load()?;
        match entries.remove(key) {
            Some(_) => self.replace(&entries, true),
            None => Ok(()),
        }
    }

    pub(super) fn erase(&self) -> Result<(), Error> {
        let _lock = self.lock()?;
        self.replace(&Entries::default(), true)
    }

    fn load(&self) -> Result<Entries, Error> {
        let fail = |error| Error::File(self.path.clone(), error);
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Entries::default()),
            Err(error) => return Err(fail(error)),
        };
        // Sized at once, with the byte that shows a file too long: growing would leave copies of
        // secrets behind.
        let limit = file
            .metadata()
            .map_err(fail)?
            .len()
            .min(MAX_FILE_LEN as u64)
            + 1;
        let mut bytes = Zeroizing::new(Vec::with_capacity(limit as usize));
        file.take(limit).read_to_end(&mut bytes).map_err(fail)?;
        decode(&bytes)
            .filter(|_| bytes.len() <= MAX_FILE_LEN)
            .ok_or_else(|| Error::Damaged(self.path.clone()))
    }

    fn replace(&self, entries: &Entries, sync: bool) -> Result<(), Error> {
        let bytes = encode(entries);
        if bytes.len() > MAX_FILE_LEN {
            return Err(Error::BadValue);
        }
        let new = self.beside(".new");
        let fail = |error| Error::File(new.clone(), error);
        let mut file = private(&new, |options| options.truncate(true)).map_err(fail)?;
        file.write_all(&bytes).map_err(fail)?;
        if sync {
            file.sync_all().map_err(fail)?;
        }
        fs::rename(&new, &self.path).map_err(fail)?;
        if sync {
            // The rename itself is only on the medium once the directory is.
            File::open(self.directory())
                .and_then(|directory| directory.sync_all())
                .map_err(fail)?;
        }
        Ok(())
    }

    fn lock(&self) -> Result<Lock, Error> {
        let path = self.beside(".lock");
        let fail = |error| Error::File(path.clone(), error);
        let directory = self.directory();
        if !directory.is_dir() {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700);
            builder
                .create(directory)
                .map_err(|error| Error::File(directory.to_owned(), error))?;
        }
        let file = private(&path, |options| options).map_err(fail)?;
        loop {
            // SAFETY: an open descriptor; no memory is involved.
            if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX) } == 0 {
                return Ok(Lock(file));
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(fail(error));
            }
        }
    }

    fn directory(&self) -> &Path {
        match self.path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut path = OsString::from(&self.path);
        path.push(suffix);
        path.into()
    }
}

/// Opens for writing a file that only its owner may read. Not through a link, which somebody else
/// may have laid there.
fn private(
    path: &Path,
    also: impl FnOnce(&mut OpenOptions) -> &mut OpenOptions,
) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .mode(OWNER_ONLY)
        .custom_flags(libc::O_NOFOLLOW);
    also(&mut options).open(path)
}

#[cfg(test)]
#[cfg(not(miri))] // files
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A directory of its own for each test, removed at the end.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("iotx-kv-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).expect("scratch directory");
            Self(path)
        }

        fn store(&self) -> Store {
            Store::new(self.0.join("deeper/kv"))
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn value(store: &Store, key: &str) -> Option<Vec<u8>> {
        match store.get(key) {
            Ok(value) => Some(value.to_vec()),
            Err(Error::NoSuchKey) => None,
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn what_is_set_is_found_by_the_next_store_on_the_file() {
        let scratch = Scratch::new();
        assert_eq!(value(&scratch.store(), "a"), None);
        scratch.store().set("a", b"1", true).expect("set");
        scratch.store().set("b", &[0, 255], false).expect("set");
        scratch.store().set("a", b"", false).expect("set again");
        assert_eq!(value(&scratch.store(), "a"), Some(vec![]));
        assert_eq!(value(&scratch.store(), "b"), Some(vec![0, 255]));
        scratch.store().delete("a").expect("delete");
        scratch.store().delete("a").expect("nothing to delete");
        assert_eq!(value(&scratch.store(), "a"), None);
        scratch.store().erase().expect("erase");
        assert_eq!(value(&scratch.store(), "b"), None);
    }

    #[test]
    fn only_the_owner_may_read_it() {
        let scratch = Scratch::new();
        let store = scratch.store();
        store.set("secret", b"x", true).expect("set");
        let mode = |path: &Path| fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        assert_eq!(mode(&store.path), 0o600);
        assert_eq!(mode(store.directory()), 0o700);
    }

    #[test]
    fn limits_are_kept() {
        let scratch = Scratch::new();
        let store = scratch.store();
        let long = "k".repeat(MAX_KEY_LEN + 1);
        assert!(matches!(store.set("", b"", false), Err(Error::BadKey)));
        assert!(matches!(store.set(&long, b"", false), Err(Error::BadKey)));
        store.set(&long[1..], b"v", false).expect("longest key");
        assert_eq!(value(&store, &long[1..]), Some(b"v".to_vec()));
        let big = vec![0; MAX_FILE_LEN - 300];
        store.set("big", &big, false).expect("fits");
        let result = store.set("more", &[0; 300], false);
        assert!(matches!(result, Err(Error::BadValue)));
        assert_eq!(value(&store, "big"), Some(big), "as it was");
    }

    #[test]
    fn a_damaged_file_is_said_to_be_and_can_be_erased() {
        let scratch = Scratch::new();
        let store = scratch.store();
        store.set("key", b"value", false).expect("set");
        let whole = fs::read(&store.path).expect("file");
        for len in (0..whole.len()).filter(|len| *len != MAGIC.len()) {
            fs::write(&store.path, &whole[..len]).expect("cut");
            assert!(matches!(store.get("key"), Err(Error::Damaged(_))), "{len}");
            let result = store.set("key", b"v", false);
            assert!(matches!(result, Err(Error::Damaged(_))), "{len}");
        }
        store.erase().expect("erase");
        assert_eq!(value(&store, "key"), None);
    }

    #[test]
    fn threads_do_not_lose_each_others_changes() {
        let scratch = Scratch::new();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let store = scratch.store();
                scope.spawn(move || {
                    for number in 0..10 {
                        let key = format!("{thread}/{number}");
                        store.set(&key, key.as_bytes(), false).expect("set");
                    }
                });
            }
        });
        assert_eq!(scratch.store().load().expect("load").0.len(), 40);
    }
}
