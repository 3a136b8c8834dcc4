//! The programs of `benches/c`: what is measured, and the responder they talk to.

use crate::Result;
use crate::machine::Machine;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

/// What the report travels over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Plain,
    Symmetric,
    Dtls,
}

impl Over {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain UDP",
            Self::Symmetric => "symmetric (coap-psk)",
            Self::Dtls => "DTLS 1.2",
        }
    }
}

/// Who sends it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sender {
    /// send and recv; the latter waits.
    Bare,
    /// The same, with poll for the wait: what a client that has timers cannot do without.
    BarePolling,
    Libcoap,
    Ours,
    /// Ours with Non-confirmable reports.
    OursNon,
}

/// One line of the table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Program {
    pub(crate) over: Over,
    pub(crate) sender: Sender,
}

impl Program {
    /// All, in the table's order.
    pub(crate) const ALL: [Self; 11] = {
        use Over::{Dtls, Plain, Symmetric};
        use Sender::{Bare, BarePolling, Libcoap, Ours, OursNon};
        const fn program(over: Over, sender: Sender) -> Program {
            Program { over, sender }
        }
        [
            program(Plain, Bare),
            program(Plain, BarePolling),
            program(Plain, Libcoap),
            program(Plain, Ours),
            program(Plain, OursNon),
            program(Symmetric, Ours),
            program(Dtls, Bare),
            program(Dtls, BarePolling),
            program(Dtls, Libcoap),
            program(Dtls, Ours),
            program(Dtls, OursNon),
        ]
    };

    pub(crate) const fn name(self) -> &'static str {
        match self.sender {
            Sender::Bare => "bare loop",
            Sender::BarePolling => "bare loop with poll",
            Sender::Libcoap => "libcoap",
            Sender::Ours => "**ours**",
            Sender::OursNon => "ours, NON",
        }
    }
}

/// The directory with the programs, the machine, and a responder for each way to report.
pub(crate) struct Bench {
    dir: PathBuf,
    machine: Machine,
    plain: Responder,
    symmetric: Responder,
    dtls: Responder,
}

impl Bench {
    pub(crate) fn start(dir: PathBuf, machine: Machine) -> Result<Self> {
        let start = |arguments: &[&str]| {
            let mut command = machine.on_core(machine.responder_core);
            command.arg("./responder").args(arguments);
            Responder::start(command.current_dir(&dir))
        };
        Ok(Self {
            plain: start(&["udp"])?,
            symmetric: start(&["psk"])?,
            dtls: start(&["dtls", "server.pem", "server.key"])?,
            machine,
            dir,
        })
    }

    pub(crate) const fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The command that sends so many reports, under `tool` if there is one.
    pub(crate) fn command(&self, program: Program, reports: u64, tool: &[&str]) -> Command {
        let (over, reports) = (program.over, reports.to_string());
        let port = self.responder(over).port.to_string();
        let ca = (over == Over::Dtls).then_some("root.pem");
        let mut command = self.pinned(tool);
        match program.sender {
            Sender::Bare | Sender::BarePolling => {
                let name = if ca.is_some() {
                    "bare_dtls"
                } else {
                    "bare_udp"
                };
                command
                    .args([&format!("./{name}"), &port, &reports])
                    .args(ca);
                if program.sender == Sender::BarePolling {
                    command.arg("poll");
                }
            }
            Sender::Libcoap => {
                let scheme = if ca.is_some() { "coaps" } else { "coap" };
                // It leaves the first report out of the time and of the count: for the whole of a connection.
                command
                    .args(["./libcoap", scheme, &port, &reports])
                    .args(ca);
            }
            Sender::Ours | Sender::OursNon => {
                command.args(["./ours", &self.url(over), &reports]);
                if program.sender == Sender::OursNon {
                    command.arg("non");
                }
            }
        }
        command
    }

    /// The command that makes so many clients of ours in one process.
    pub(crate) fn idle(&self, over: Over, clients: u64) -> Command {
        let mut command = self.pinned(&[]);
        command.args(["./idle", &self.url(over), &clients.to_string()]);
        command
    }

    fn pinned(&self, tool: &[&str]) -> Command {
        let mut command = self.machine.on_core(self.machine.program_core);
        command
            .args(tool)
            .current_dir(&self.dir)
            .env("IOTX_EXTRA_CA", "root.pem");
        command
    }

    fn url(&self, over: Over) -> String {
        let scheme = match over {
            Over::Plain => "coap",
            Over::Symmetric => "coap-psk",
            Over::Dtls => "coaps",
        };
        format!("{scheme}://127.0.0.1:{}", self.responder(over).port)
    }

    const fn responder(&self, over: Over) -> &Responder {
        match over {
            Over::Plain => &self.plain,
            Over::Symmetric => &self.symmetric,
            Over::Dtls => &self.dtls,
        }
    }
}

struct Responder {
    process: Child,
    port: u16,
}

impl Responder {
    fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("no output of the responder")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let port = line.trim().parse();
        let responder = Self {
            process,
            port: *port.as_ref().unwrap_or(&0),
        };
        port.map_err(|_| "the responder did not start")?;
        Ok(responder)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        // Fails only where it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
