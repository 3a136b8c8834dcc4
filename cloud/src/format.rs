//! Events as lines for people and for programs. Neither shows a token, a sign or a key: events do
//! not hold them.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use crate::clock::UnixMillis;
use crate::endpoint::Transport;
use crate::event::{Credential, Event, EventKind, Exchanged, SessionEnd};
use crate::platform::{Encoding, Outcome, Report, TokenPlace};

/// Payload bytes shown in a line for people.
const SHOWN_PAYLOAD: usize = 80;
/// Characters shown of a text that a device chose.
const SHOWN_TEXT: usize = 160;

/// One line for people, without a line break.
///
/// ```text
/// 2026-01-31T12:00:00.123Z udp 127.0.0.1:40000 CON 2 POST /topic/a1/dev01/update -> 2.05 a1/dev01 22 bytes {"name":"hello world"}
/// ```
pub fn text_line(event: &Event) -> String {
    let mut line = format!("{} {} ", timestamp(event.at), event.transport);
    if event.transport != Transport::Cloud {
        line = format!("{line}{} ", event.peer);
    }
    // Writing to a String does not fail.
    let _ = match &event.kind {
        EventKind::Request(exchanged, outcome) => {
            request(&mut line, exchanged);
            describe(&mut line, outcome)
        }
        EventKind::Duplicate { message_id } => {
            write!(line, "message {message_id} repeated, answered as before")
        }
        EventKind::Ping { message_id } => write!(line, "ping {message_id} -> reset"),
        EventKind::Acknowledged { message_id } => write!(line, "acknowledged {message_id}"),
        EventKind::Reset { message_id } => write!(line, "reset {message_id}"),
        EventKind::GaveUp { message_id } => {
            write!(line, "response {message_id} never acknowledged, given up")
        }
        EventKind::Unexpected { message_id } => {
            write!(line, "message {message_id} is no request, ignored")
        }
        EventKind::Malformed { reason, len } => write!(line, "{len} bytes ignored: {reason}"),
        EventKind::HelloVerify => write!(line, "ClientHello without cookie -> HelloVerifyRequest"),
        EventKind::Handshake {
            cipher,
            version,
            resumed,
            credential,
            server_name,
        } => {
            let how = if *resumed { "resumed" } else { "established" };
            let name = server_name.as_deref().map(shown).unwrap_or_default();
            let by = match credential {
                Credential::Certificate => "certificate".into(),
                Credential::Psk(device) => format!("PSK of {}", shown(&device.to_string())),
                Credential::RsaPsk(device) => {
                    format!("certificate and PSK of {}", shown(&device.to_string()))
                }
            };
            write!(line, "session {how}: {version} {cipher}, {by} {name}")
        }
        EventKind::HandshakeFailed { reason } => write!(line, "handshake failed: {reason}"),
        EventKind::SessionEnded(end) => write!(line, "session ended: {}", name_of(*end)),
        EventKind::Impaired {
            direction,
            fault,
            len,
        } => write!(line, "{direction} {len} bytes {fault}"),
        EventKind::Restarted(memory) => write!(line, "port restarted, memory {memory}"),
        EventKind::Step { number, what } => write!(line, "step {number}: {what}"),
        EventKind::Fetched {
            path,
            status,
            offset,
            whole,
        } => {
            let cut = if *whole { "" } else { ", cut off" };
            write!(
                line,
                "GET {} -> {status} from byte {offset}{cut}",
                shown(path)
            )
        }
    };
    line.truncate(line.trim_end().len());
    line
}

fn request(line: &mut String, exchanged: &Exchanged) {
    let kind = if exchanged.confirmable { "CON" } else { "NON" };
    let method = method(exchanged.method);
    let path = shown(&exchanged.path);
    let reused = if exchanged.id_reused {
        " (id used before!)"
    } else {
        ""
    };
    let separate = if exchanged.separate { " separate" } else { "" };
    let _ = write!(
        line,
        "{kind} {}{reused} {method} {path} ->{separate} ",
        exchanged.message_id
    );
    let _ = match exchanged.answered {
        Some(code) => write!(line, "{code} "),
        None => write!(line, "no answer "),
    };
}

fn describe(line: &mut String, outcome: &Outcome) -> std::fmt::Result {
    match outcome {
        Outcome::Authenticated {
            device,
            symmetric,
            method,
            encoding,
        } => {
            let mode = if *symmetric { ", symmetric" } else { "" };
            let encoding = encoding_name(*encoding);
            let device = shown(&device.to_string());
            write!(
                line,
                "{device} authenticated by {} in {encoding}{mode}",
                method.name()
            )
        }
        Outcome::AuthRefused { device, refusal } | Outcome::Refused { device, refusal } => {
            if let Some(device) = device {
                write!(line, "{}: ", shown(&device.to_string()))?;
            }
            write!(line, "{} ({})", refusal.name(), refusal.text())
        }
        Outcome::Published(report) => {
            let device = shown(&report.device.to_string());
            write!(line, "{device} {} bytes ", report.payload.len())?;
            if let Some(seq) = report.seq {
                write!(line, "seq {seq} ")?;
            }
            let payload = &report.payload[..report.payload.len().min(SHOWN_PAYLOAD)];
            line.push_str(&shown(&String::from_utf8_lossy(payload)));
            if report.payload.len() > SHOWN_PAYLOAD {
                line.push('…');
            }
            Ok(())
        }
        Outcome::Scripted => write!(line, "scripted"),
    }
}

/// Control characters escaped, long texts cut: a device must not be able to forge lines.
fn shown(text: &str) -> String {
    let mut shown = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == SHOWN_TEXT {
            shown.push('…');
            break;
        }
        if c.is_control() {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// One JSON object, without a line break.
pub fn json_line(event: &Event) -> String {
    let mut line = Map::new();
    let mut set = |name: &str, value: Value| {
        line.insert(name.into(), value);
    };
    set("time", json!(timestamp(event.at)));
    set("transport", json!(event.transport.to_string()));
    if event.transport != Transport::Cloud {
        set("peer", json!(event.peer.to_string()));
    }
    match &event.kind {
        EventKind::Request(exchanged, outcome) => {
            set("event", json!("request"));
            set("messageId", json!(exchanged.message_id));
            set("confirmable", json!(exchanged.confirmable));
            set("method", json!(method(exchanged.method)));
            set("path", json!(exchanged.path));
            set("payloadLength", json!(exchanged.payload_len));
            set(
                "code",
                json!(exchanged.answered.map(|code| code.to_string())),
            );
            set("separate", json!(exchanged.separate));
            if exchanged.id_reused {
                set("idReused", json!(true));
            }
            for (name, value) in outcome_members(outcome) {
                set(name, value);
            }
        }
        EventKind::Duplicate { message_id } => numbered(&mut set, "duplicate", *message_id),
        EventKind::Ping { message_id } => numbered(&mut set, "ping", *message_id),
        EventKind::Acknowledged { message_id } => numbered(&mut set, "acknowledged", *message_id),
        EventKind::Reset { message_id } => numbered(&mut set, "reset", *message_id),
        EventKind::GaveUp { message_id } => numbered(&mut set, "gaveUp", *message_id),
        EventKind::Unexpected { message_id } => numbered(&mut set, "unexpected", *message_id),
        EventKind::Malformed { reason, len } => {
            set("event", json!("malformed"));
            set("reason", json!(reason));
            set("length", json!(len));
        }
        EventKind::HelloVerify => set("event", json!("helloVerify")),
        EventKind::Handshake {
            cipher,
            version,
            resumed,
            credential,
            server_name,
        } => {
            set("event", json!("handshake"));
            set("cipher", json!(cipher));
            set("version", json!(version));
            set("resumed", json!(resumed));
            set("serverName", json!(server_name));
            let (credential, device) = match credential {
                Credential::Certificate => ("certificate", None),
                Credential::Psk(device) => ("psk", Some(device)),
                Credential::RsaPsk(device) => ("rsaPsk", Some(device)),
            };
            set("credential", json!(credential));
            set("device", json!(device.map(ToString::to_string)));
        }
        EventKind::HandshakeFailed { reason } => {
            set("event", json!("handshakeFailed"));
            set("reason", json!(reason));
        }
        EventKind::SessionEnded(end) => {
            set("event", json!("sessionEnded"));
            set("reason", json!(name_of(*end)));
        }
        EventKind::Impaired {
            direction,
            fault,
            len,
        } => {
            set("event", json!("impaired"));
            set("direction", json!(direction.to_string()));
            set("fault", json!(fault.to_string()));
            set("length", json!(len));
        }
        EventKind::Restarted(memory) => {
            set("event", json!("restarted"));
            set("memory", json!(memory.to_string()));
        }
        EventKind::Step { number, what } => {
            set("event", json!("step"));
            set("number", json!(number));
            set("what", json!(what));
        }
        EventKind::Fetched {
            path,
            status,
            offset,
            whole,
        } => {
            set("event", json!("fetched"));
            set("path", json!(path));
            set("status", json!(status));
            set("offset", json!(offset));
            set("whole", json!(whole));
        }
    }
    Value::Object(line).to_string()
}

fn numbered(set: &mut impl FnMut(&str, Value), event: &str, message_id: u16) {
    set("event", json!(event));
    set("messageId", json!(message_id));
}

fn outcome_members(outcome: &Outcome) -> Vec<(&'static str, Value)> {
    match outcome {
        Outcome::Authenticated {
            device,
            symmetric,
            method,
            encoding,
        } => vec![
            ("outcome", json!("authenticated")),
            ("device", json!(device.to_string())),
            ("symmetric", json!(symmetric)),
            ("signMethod", json!(method.name())),
            ("encoding", json!(encoding_name(*encoding))),
        ],
        Outcome::AuthRefused { device, refusal } | Outcome::Refused { device, refusal } => vec![
            ("outcome", json!("refused")),
            ("device", json!(device.as_ref().map(ToString::to_string))),
            ("refusal", json!(refusal.name())),
            ("text", json!(refusal.text())),
        ],
        Outcome::Published(report) => report_members(report),
        Outcome::Scripted => vec![("outcome", json!("scripted"))],
    }
}

fn report_members(report: &Report) -> Vec<(&'static str, Value)> {
    let payload = match std::str::from_utf8(&report.payload) {
        Ok(text) => ("payload", json!(text)),
        Err(_) => ("payloadHex", json!(crate::token::hex(&report.payload))),
    };
    let place = match report.token_place {
        TokenPlace::Option(number) => json!(number),
        TokenPlace::Query => json!("query"),
    };
    vec![
        ("outcome", json!("published")),
        ("device", json!(report.device.to_string())),
        ("topic", json!(report.topic)),
        payload,
        ("contentFormat", json!(report.content_format)),
        ("seq", json!(report.seq)),
        ("tokenIn", place),
        ("cloudId", json!(report.cloud_id)),
    ]
}

fn method(code: u8) -> String {
    match code {
        1 => "GET".into(),
        2 => "POST".into(),
        3 => "PUT".into(),
        4 => "DELETE".into(),
        5 => "FETCH".into(),
        6 => "PATCH".into(),
        7 => "iPATCH".into(),
        other => format!("0.{other:02}"),
    }
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "JSON",
        Encoding::Cbor => "CBOR",
    }
}

fn name_of(end: SessionEnd) -> &'static str {
    match end {
        SessionEnd::Closed => "closed by the device",
        SessionEnd::Failed => "failed",
        SessionEnd::Idle => "silent too long",
        SessionEnd::Replaced => "replaced by a new handshake",
        SessionEnd::Evicted => "too many sessions",
        SessionEnd::Forgotten => "forgotten",
        SessionEnd::Ended => "by the cloud",
    }
}

/// RFC 3339 in UTC, with milliseconds.
pub(crate) fn timestamp(at: UnixMillis) -> String {
    let (days, in_day) = (at.0 / 86_400_000, at.0 % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (in_day / 3_600_000, in_day / 60_000 % 60);
    let (second, milli) = (in_day / 1000 % 60, in_day % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar. Counted
/// from March, so that the leap day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_PER_400_YEARS: u64 = 146_097;
    // 1970-01-01 is day 719,468 since 0000-03-01.
    let since_zero = days + 719_468;
    let (era, day_of_era) = (
        since_zero / DAYS_PER_400_YEARS,
        since_zero % DAYS_PER_400_YEARS,
    );
    let leaps = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leaps) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests;
