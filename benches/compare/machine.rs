//! The machine, and the two cores of it that the bench takes.

use crate::Result;
use std::fmt;
use std::process::Command;

pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) system: String,
    pub(crate) openssl: String,
    pub(crate) libcoap: String,
    /// Where the measured programs run.
    pub(crate) program_core: usize,
    /// Where the responder runs: another one if there is another one.
    pub(crate) responder_core: usize,
    /// Whether both may have real-time priority, so that whatever else the machine does stays out of the times.
    pub(crate) real_time: bool,
}

impl Machine {
    pub(crate) fn find() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let allowed = field(&status, "Cpus_allowed_list").ok_or("no Cpus_allowed_list")?;
        let cores = cores(&allowed)?;
        let (Some(&first), Some(&last)) = (cores.first(), cores.last()) else {
            return Err("no core to run on".into());
        };
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
        Ok(Self {
            processor: field(&cpuinfo, "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.into()),
            system: first_line("uname", &["-sr"])?,
            // "OpenSSL 3.0.19 27 Jan 2026 (Library: ...)"
            openssl: first_line("openssl", &["version"])?
                .split_inclusive(' ')
                .take(2)
                .collect::<String>()
                .trim_end()
                .to_owned(),
            libcoap: first_line("pkg-config", &["--modversion", "libcoap-3-openssl"])?,
            program_core: first,
            responder_core: last,
            real_time: Command::new("chrt")
                .args(["--fifo", "1", "true"])
                .output()
                .is_ok_and(|output| output.status.success()),
        })
    }

    /// The beginning of a command that is to run on `core`.
    pub(crate) fn on_core(&self, core: usize) -> Command {
        let mut command = Command::new("taskset");
        command.arg("--cpu-list").arg(core.to_string());
        if self.real_time {
            command.args(["chrt", "--fifo", "1"]);
        }
        command
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            processor,
            system,
            openssl,
            libcoap,
            program_core,
            responder_core,
            real_time,
        } = self;
        let priority = if *real_time {
            ", both with real-time priority"
        } else {
            ""
        };
        write!(
            f,
            "{processor}, {system}, {openssl}, libcoap {libcoap}; programs on core {program_core}, responder on core {responder_core}{priority}"
        )
    }
}

/// The value of `name` in a file of "name: value" lines.
pub(crate) fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Reads a list such as "0-3,8".
fn cores(list: &str) -> Result<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        cores.extend(from.parse::<usize>()?..=to.parse::<usize>()?);
    }
    Ok(cores)
}

fn first_line(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
