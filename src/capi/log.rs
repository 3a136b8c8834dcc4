//! Logging: the `log` facade inside, HAL_Printf outside.

use super::types::{IOT_LogLevel, IOT_LogLevel_int};
use crate::client::log_gate;
use crate::hal::console;
use crate::sync::Mutex;
use once_cell::sync::OnceCell;
use std::cell::Cell;
use std::ffi::c_char;
use std::fmt::Write as _;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicI32, Ordering};

/// Characters of the name that IOT_OpenLog keeps (SDK, all releases).
const MAX_IDENT_LEN: usize = 7;
/// Longer lines are cut, as on the SDK's Linux builds from 2.21.
const MAX_LINE_LEN: usize = 512;

/// Until a program says otherwise: what goes wrong is told, what goes right is not.
static LEVEL: AtomicI32 = AtomicI32::new(IOT_LogLevel::IOT_LOG_WARNING as i32);
static IDENT: Mutex<String> = Mutex::new(String::new());

thread_local! {
    /// Whether this thread is in HAL_Printf with a line of ours. A firmware whose HAL_Printf calls this
    /// library, to report its log to the cloud, say, would print for ever if that caused lines again.
    static PRINTING: Cell<bool> = const { Cell::new(false) };
}

fn print(line: &str) {
    PRINTING.set(true);
    console::print(line);
    PRINTING.set(false);
}

struct HalLogger;

impl log::Log for HalLogger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && !PRINTING.get()
    }

    fn log(&self, record: &log::Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let level = match record.level() {
            log::Level::Error => "err",
            log::Level::Warn => "wrn",
            log::Level::Info => "inf",
            log::Level::Debug | log::Level::Trace => "dbg",
        };
        let mut line = Line::new();
        let module = record
            .module_path()
            .and_then(|path| path.split(':').nth(2))
            .map(|module| module.strip_suffix("_default").unwrap_or(module));
        let ident = IDENT.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let separator = if ident.is_empty() { "" } else { "|" };
        // Writing to a `Line` cannot fail: it cuts.
        let _ = write!(
            line,
            "[{level}] {ident}{separator}{}({}): {}",
            module.unwrap_or("iot"),
            record.line().unwrap_or(0),
            record.args()
        );
        log_gate::pass(line.finish(), print);
    }

    fn flush(&self) {}
}

/// A log line in the making, cut at [`MAX_LINE_LEN`] and without line breaks or control characters of its
/// own: what comes from the network must not forge lines.
struct Line(String);

impl Line {
    fn new() -> Self {
        Self(String::with_capacity(160))
    }

    fn finish(mut self) -> String {
        self.0.push_str("\r\n");
        self.0
    }
}

impl std::fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            if self.0.len() + c.len_utf8() > MAX_LINE_LEN {
                break;
            }
            self.0.push(if c.is_control() { '?' } else { c });
        }
        Ok(())
    }
}

/// Makes this library's log lines go to HAL_Printf. A Rust program that has installed a logger of its
/// own keeps it.
pub(super) fn install() {
    static INSTALLED: OnceCell<()> = OnceCell::new();
    INSTALLED.get_or_init(|| {
        if log::set_logger(&HalLogger).is_ok() {
            apply(LEVEL.load(Ordering::Relaxed));
        }
    });
}

fn apply(level: i32) {
    log::set_max_level(match level {
        // No line of this library is worse than an error, so CRIT shows as little as NONE.
        i32::MIN..=1 => log::LevelFilter::Off,
        2 => log::LevelFilter::Error,
        3 => log::LevelFilter::Warn,
        4 => log::LevelFilter::Info,
        _ => log::LevelFilter::Debug,
    });
}

fn set_level(level: i32) {
    LEVEL.store(level, Ordering::Relaxed);
    apply(level);
}

/// Whether lines of this level are printed.
pub(super) fn prints(level: i32) -> bool {
    level > IOT_LogLevel::IOT_LOG_NONE as i32 && level <= LEVEL.load(Ordering::Relaxed)
}

/// Sets the name that log lines begin with. Logging is on without it, at IOT_LOG_WARNING.
///
/// @param ident  NUL-terminated; its first 7 characters are kept. NULL: no name
///
/// # Safety
///
/// `ident` is NULL or NUL-terminated.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn IOT_OpenLog(ident: *const c_char) {
    boundary!(on_panic => (), {
        let mut name = String::new();
        if !ident.is_null() {
            for index in 0..MAX_IDENT_LEN {
                // SAFETY: no NUL before `index`, so this byte belongs to the caller's string.
                let byte = unsafe { *ident.add(index) } as u8;
                if byte == 0 {
                    break;
                }
                name.push(if byte.is_ascii_graphic() { char::from(byte) } else { '?' });
            }
        }
        *IDENT.lock().unwrap_or_else(PoisonError::into_inner) = name;
    })
}

/// Ends logging, and forgets the name given to IOT_OpenLog. IOT_SetLogLevel turns it on again.
#[unsafe(no_mangle)]
pub extern "C" fn IOT_CloseLog() {
    boundary!(on_panic => (), {
        set_level(IOT_LogLevel::IOT_LOG_NONE as i32);
        IDENT.lock().unwrap_or_else(PoisonError::into_inner).clear();
    })
}

/// Sets how much is logged, for all clients of the program. No level shows secrets: device secret,
/// token and keys are never written. Lines leave through HAL_Printf, which may call this library: what it
/// causes to be logged on the same thread meanwhile is dropped.
///
/// @param level  from IOT_LOG_NONE to IOT_LOG_DEBUG; anything else is refused with a log line
#[unsafe(no_mangle)]
pub extern "C" fn IOT_SetLogLevel(level: IOT_LogLevel_int) {
    boundary!(on_panic => (), {
        let levels = IOT_LogLevel::IOT_LOG_NONE as i32..=IOT_LogLevel::IOT_LOG_DEBUG as i32;
        if levels.contains(&level) {
            set_level(level);
        } else {
            log::error!("IOT_SetLogLevel: no such level: {level}");
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_and_cannot_be_forged() {
        let mut line = Line::new();
        write!(line, "a\r\n[err] forged\x1b[31m").unwrap();
        assert_eq!(line.finish(), "a??[err] forged?[31m\r\n");
        let mut line = Line::new();
        write!(line, "{}é", "x".repeat(MAX_LINE_LEN - 1)).unwrap();
        assert_eq!(line.finish().len(), MAX_LINE_LEN - 1 + 2);
    }
}
