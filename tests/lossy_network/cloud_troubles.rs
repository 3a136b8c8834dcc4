//! What the cloud refuses, and what a client makes of it by itself.

use super::world::{Device, End, Mode, accepted, cloud, quick, trusting};
use iotx_cloud::{Answer, Code as CloudCode, EventKind, Reply, Route, TokenOption};
use iotx_coap::coap::Code;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// How often the cloud has answered this.
fn answers(cloud: &iotx_cloud::CloudHandle, code: CloudCode) -> u64 {
    cloud.counters().answers.get(&code).copied().unwrap_or(0)
}

#[test]
fn a_token_that_has_expired() {
    trusting("cloud_troubles::a_token_that_has_expired", || {
        for mode in Mode::ALL {
            let cloud = cloud(mode).start().expect("cloud");
            let mut device = Device::ready(mode, &cloud, quick());
            let events = cloud.events();
            assert!(device.report(1).is_accepted());
            cloud.expire_tokens(None);
            // Refused, authenticated anew, sent once more: the program sees one answer.
            assert!(device.report(2).is_accepted(), "{mode:?}");
            assert!(device.report(3).is_accepted(), "{mode:?}");
            assert_eq!(accepted(&events), [1, 2, 3], "{mode:?}");
            assert_eq!(answers(&cloud, CloudCode::UNAUTHORIZED), 1, "{mode:?}");
            assert_eq!(cloud.counters().authenticated, 2, "{mode:?}");
            assert_eq!(device.told_authenticated, 1, "it is told, too");
        }
    });
}

#[test]
fn a_host_that_knows_the_other_token_option() {
    let name = "cloud_troubles::a_host_that_knows_the_other_token_option";
    trusting(name, || {
        // A client begins with 61 towards an unknown host, and with 2088 in symmetric mode.
        for (mode, only) in [
            (Mode::Plain, TokenOption::Only2088),
            (Mode::Dtls, TokenOption::Only2088),
            (Mode::Symmetric, TokenOption::Only61),
        ] {
            let cloud = cloud(mode).token_option(only).start().expect("cloud");
            let mut device = Device::ready(mode, &cloud, quick());
            let events = cloud.events();
            assert!(device.report(1).is_accepted(), "{mode:?}");
            assert_eq!(answers(&cloud, CloudCode::BAD_OPTION), 1, "{mode:?}");
            // Remembered: by the next report, and by the next token.
            assert!(device.report(2).is_accepted(), "{mode:?}");
            cloud.expire_tokens(None);
            assert!(device.report(3).is_accepted(), "{mode:?}");
            assert_eq!(answers(&cloud, CloudCode::BAD_OPTION), 1, "{mode:?}");
            assert_eq!(accepted(&events), [1, 2, 3], "{mode:?}");
        }
    });
}

/// A lower bound on time is no race: a client that heeds it cannot be too fast on a slow computer.
#[test]
fn a_cloud_that_asks_for_a_pause() {
    let pause = Duration::from_secs(1);
    trusting("cloud_troubles::a_cloud_that_asks_for_a_pause", || {
        for mode in Mode::ALL {
            let (asked, times) = channel();
            let watched = cloud(mode).observer(move |event| {
                if let EventKind::Request(request, _) = &event.kind
                    && request.path.starts_with("/topic")
                {
                    let _ = asked.send(Instant::now()); // nobody counts any more at the test's end
                }
            });
            let cloud = watched.start().expect("cloud");
            let mut device = Device::ready(mode, &cloud, quick());
            let events = cloud.events();
            let busy = Answer::bare(CloudCode::TOO_MANY_REQUESTS).max_age(1);
            cloud.reply(Route::Topic, 1, &Reply::instead(busy));
            // The program gets the answer as it is. What it reports meanwhile waits.
            let refused = End::Answered(Code::new(4, 29), Vec::new());
            assert_eq!(device.report(1), refused, "{mode:?}");
            assert!(device.report(2).is_accepted(), "{mode:?}");
            assert_eq!(accepted(&events), [2]);
            let times: Vec<Instant> = times.try_iter().collect();
            let [first, second] = times[..] else {
                panic!("two requests, not {}", times.len());
            };
            // The HAL's clock counts milliseconds, so a pause may look one shorter.
            let waited = second - first + Duration::from_millis(1);
            assert!(waited >= pause, "{mode:?}: {waited:?}");
        }
    });
}
