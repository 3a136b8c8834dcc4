//! `HAL_Firmware_Persistence_*`: the new firmware becomes a file.
//!
//! Where a board keeps its firmware only its port can know. This one writes to the file that
//! `IOTX_FIRMWARE_FILE` names, which appears complete or not at all; without the variable, every
//! call fails and says so.

use std::env;
use std::ffi::{c_char, c_int};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::hal_default::boundary::{bytes, guard};

const TARGET: &str = "IOTX_FIRMWARE_FILE";
const FAILED: c_int = -1;

/// A firmware that is being written.
struct Download {
    file: File,
    part: PathBuf,
    target: PathBuf,
}

impl Download {
    fn start() -> Result<Self, String> {
        let target = env::var_os(TARGET)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .ok_or_else(|| format!("{TARGET} names no file to write the firmware to"))?;
        let mut part = target.clone().into_os_string();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = File::create(&part).map_err(|error| format!("{}: {error}", part.display()))?;
        Ok(Self { file, part, target })
    }

    fn write(&mut self, data: &[u8]) -> Result<(), String> {
        self.file
            .write_all(data)
            .map_err(|error| format!("{}: {error}", self.part.display()))
    }

    fn finish(self) -> Result<(), String> {
        let done = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.part, &self.target));
        done.map_err(|error| format!("{}: {error}", self.target.display()))
    }
}

/// One at a time, by the prototypes.
static CURRENT: Mutex<Option<Download>> = Mutex::new(None);

fn report(function: &str, result: Result<(), String>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(reason) => {
            log::error!("{function}: {reason}");
            FAILED
        }
    }
}

fn started(current: &mut Option<Download>) -> Result<&mut Download, String> {
    current
        .as_mut()
        .ok_or_else(|| "no firmware has been started, or it has failed".to_owned())
}

/// `HAL_Firmware_Persistence_Start`: begins anew, also when one was under way. A failure shows in
/// the first write.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_firmware_start() {
    guard("HAL_Firmware_Persistence_Start", (), || {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        *current = None;
        let result = Download::start().map(|download| *current = Some(download));
        report("HAL_Firmware_Persistence_Start", result);
    });
}

/// `HAL_Firmware_Persistence_Write`: 0, or -1 and the firmware is given up.
///
/// # Safety
/// `data` is NULL or readable for `len` bytes.
#[unsafe(no_mangle)]
unsafe extern "C" fn iotx_hal_default_firmware_write(data: *const c_char, len: u32) -> c_int {
    guard("HAL_Firmware_Persistence_Write", FAILED, || {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: promised by the caller.
        let data = unsafe { bytes(data.cast(), len) }.ok_or_else(|| "no data (NULL)".to_owned());
        let result = data.and_then(|data| started(&mut current)?.write(data));
        if result.is_err() {
            *current = None;
        }
        report("HAL_Firmware_Persistence_Write", result)
    })
}

/// `HAL_Firmware_Persistence_Stop`: 0 once the file is complete and on the medium, or -1.
#[unsafe(no_mangle)]
extern "C" fn iotx_hal_default_firmware_stop() -> c_int {
    guard("HAL_Firmware_Persistence_Stop", FAILED, || {
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        let result = started(&mut current).map(drop);
        let result = result.and_then(|()| current.take().map_or(Ok(()), Download::finish));
        report("HAL_Firmware_Persistence_Stop", result)
    })
}
