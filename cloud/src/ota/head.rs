//! Heads of HTTP requests and responses, as much of them as serving a file takes (RFC 9110, 9112).

/// A request for a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RequestHead {
    /// Whether the file itself is wanted, or its head only.
    pub(super) body: bool,
    /// Path, without the query.
    pub(super) path: String,
    /// First and last byte asked for.
    pub(super) range: Option<(u64, Option<u64>)>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadRequest {
    Malformed,
    Method,
}

impl RequestHead {
    /// Reads a whole head, up to the empty line.
    pub(super) fn parse(text: &str) -> Result<Self, BadRequest> {
        let mut lines = text.split("\r\n");
        let start: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
        let [method, target, version] = start[..] else {
            return Err(BadRequest::Malformed);
        };
        if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return Err(BadRequest::Malformed);
        }
        let body = match method {
            "GET" => true,
            "HEAD" => false,
            _ => return Err(BadRequest::Method),
        };
        let range = lines
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("range"))
            .and_then(|(_, value)| range(value.trim()));
        let path = target.split('?').next().unwrap_or_default().to_owned();
        Ok(RequestHead { body, path, range })
    }
}

/// A single range with a beginning. A server may ignore what else there is (RFC 9110, 14.2).
fn range(text: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = text.strip_prefix("bytes=")?.split_once('-')?;
    let first = first.parse().ok()?;
    match last {
        "" => Some((first, None)),
        last => {
            let last = last.parse().ok()?;
            (first <= last).then_some((first, Some(last)))
        }
    }
}

/// The answer to a request for a file of `len` bytes: status line and headers, and which bytes follow.
pub(super) fn answer(request: &RequestHead, len: usize) -> (u16, String, std::ops::Range<usize>) {
    let all = len as u64;
    let (status, range) = match request.range {
        None => (200, 0..len),
        Some((first, _)) if first >= all => (416, 0..0),
        Some((first, last)) => {
            let end = last.map_or(all, |last| all.min(last.saturating_add(1)));
            (206, first as usize..end as usize)
        }
    };
    let part = match status {
        206 => format!(
            "Content-Range: bytes {}-{}/{len}\r\n",
            range.start,
            range.end - 1
        ),
        416 => format!("Content-Range: bytes */{len}\r\n"),
        _ => "Accept-Ranges: bytes\r\n".to_owned(),
    };
    (status, head(status, range.len(), &part), range)
}

/// A head with these headers besides the usual ones.
pub(super) fn head(status: u16, len: usize, headers: &str) -> String {
    let reason = match status {
        200 => "OK",
        206 => "Partial Content",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        _ => "Range Not Satisfiable",
    };
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {len}\r\nConnection: close\r\n{headers}\r\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RequestHead, BadRequest> {
        RequestHead::parse(text)
    }

    #[test]
    fn reads_requests_for_files() {
        let head = parse("GET /image/1?sign=x HTTP/1.1\r\nHost: h\r\nrAnGe:  bytes=7-\r\n\r\n");
        assert_eq!(
            head,
            Ok(RequestHead {
                body: true,
                path: "/image/1".into(),
                range: Some((7, None))
            })
        );
        let head = parse("HEAD / HTTP/1.0\r\nRange: bytes=2-3\r\n\r\n").unwrap();
        assert!(!head.body && head.range == Some((2, Some(3))));
        for range in ["bytes=-5", "bytes=5-4", "bytes=1-2,4-5", "lines=1-2", "x"] {
            let head = parse(&format!("GET / HTTP/1.1\r\nRange: {range}\r\n\r\n")).unwrap();
            assert_eq!(head.range, None, "{range}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        for text in [
            "",
            "GET",
            "GET / HTTP/2\r\n\r\n",
            "GET http://h HTTP/1.1\r\n\r\n",
        ] {
            assert_eq!(parse(text), Err(BadRequest::Malformed), "{text}");
        }
        assert_eq!(parse("POST / HTTP/1.1\r\n\r\n"), Err(BadRequest::Method));
    }

    #[test]
    fn parts_are_cut_to_the_file() {
        let ask = |range| {
            let request = RequestHead {
                body: true,
                path: String::new(),
                range,
            };
            answer(&request, 5)
        };
        let (status, head, range) = ask(None);
        assert_eq!((status, range), (200, 0..5));
        assert!(head.contains("\r\nContent-Length: 5\r\n") && head.ends_with("\r\n\r\n"));
        let (status, head, range) = ask(Some((2, None)));
        assert_eq!((status, range), (206, 2..5));
        assert!(
            head.contains("\r\nContent-Range: bytes 2-4/5\r\n"),
            "{head}"
        );
        assert_eq!(ask(Some((2, Some(3)))).2, 2..4);
        assert_eq!(ask(Some((2, Some(u64::MAX)))).2, 2..5);
        let (status, head, range) = ask(Some((5, None)));
        assert_eq!((status, range), (416, 0..0));
        assert!(head.contains("\r\nContent-Range: bytes */5\r\n"), "{head}");
    }
}
