use super::*;

fn only(action: &str) -> Action {
    let text = format!("{{\"seed\":9,\"steps\":[{{\"do\":{action}}}]}}");
    let scenario: Scenario = text.parse().unwrap_or_else(|error| panic!("{error}"));
    scenario.steps[0].action.clone()
}

#[test]
fn every_action_can_be_written() {
    let impaired = Impairment::loss(0.3)
        .duplicate(0.1)
        .reorder(0.2)
        .corrupt(0.05)
        .delay(Duration::from_millis(5), Duration::from_millis(50));
    let expected = Faults {
        down: impaired,
        ..Faults::default()
    };
    let text = r#"{"impair":{"down":{"loss":0.3,"duplicate":0.1,"reorder":0.2,"corrupt":0.05,
        "delayMs":[5,50]}}}"#;
    assert_eq!(only(text), Action::Impair(expected.seed(9)));
    let held = Impairment {
        hold: Duration::from_millis(7),
        ..Impairment::NONE
    };
    assert_eq!(
        only(r#"{"impair":{"both":{"holdMs":7}}}"#),
        Action::Impair(Faults::both(held).seed(9))
    );
    let busy = Answer::new(Code::TOO_MANY_REQUESTS, "later").max_age(5);
    let busy = Reply::instead(busy).by(Delivery::Separate);
    let text = r#"{"answer":{"route":"topic","code":"4.29","maxAge":5,"payload":"later","times":2,
        "delivery":"separate"}}"#;
    let answer = Action::Answer {
        route: Route::Topic,
        times: 2,
        reply: busy,
    };
    assert_eq!(only(text), answer);
    let refused = Action::Answer {
        route: Route::Auth,
        times: 1,
        reply: Reply::instead(Answer::bare(Code::INTERNAL_ERROR)),
    };
    assert_eq!(
        only(r#"{"answer":{"route":"auth","code":"5.00"}}"#),
        refused
    );
    let late = Action::Answer {
        route: Route::Any,
        times: 1,
        reply: Reply::usual().later(Duration::from_millis(300)),
    };
    assert_eq!(only(r#"{"answer":{"route":"any","laterMs":300}}"#), late);
    let loaded = Action::Answer {
        route: Route::Topic,
        times: 1,
        reply: Reply::with_payload("x"),
    };
    assert_eq!(
        only(r#"{"answer":{"route":"topic","payload":"x"}}"#),
        loaded
    );
    let second = Duration::from_secs(1);
    for (text, action) in [
        (
            r#"{"lose":{"direction":"up","skip":2,"count":3}}"#,
            Action::Lose {
                direction: Direction::Up,
                skip: 2,
                count: 3,
            },
        ),
        ("\"rebindNat\"", Action::RebindNat),
        ("{\"cutOff\":0.5}", Action::CutOff(second / 2)),
        ("\"reconnect\"", Action::Reconnect),
        ("{\"restart\":\"kept\"}", Action::Restart(Memory::Kept)),
        ("{\"restart\":\"lost\"}", Action::Restart(Memory::Lost)),
        (
            "{\"endSessions\":\"closeNotify\"}",
            Action::EndSessions(Goodbye::CloseNotify),
        ),
        (
            "{\"endSessions\":\"fatalAlert\"}",
            Action::EndSessions(Goodbye::FatalAlert),
        ),
        ("\"expireTokens\"", Action::ExpireTokens),
        ("{\"tokenLifetime\":60}", Action::TokenLifetime(60 * second)),
        ("{\"overload\":\"auth\"}", Action::Overload(Overload::Auth)),
        (
            "{\"deliver\":\"separateNon\"}",
            Action::Deliver(Some(Delivery::SeparateNon)),
        ),
        ("{\"deliver\":\"asAsked\"}", Action::Deliver(None)),
    ] {
        assert_eq!(only(text), action, "{text}");
    }
}

#[test]
fn every_condition_can_be_written() {
    let text = r#"{"repeat":true,"steps":[
        {"after":{"reports":1},"do":"reconnect"},
        {"after":{"auths":2},"do":"reconnect"},
        {"after":{"handshakes":3},"do":"reconnect"},
        {"after":{"datagrams":4},"do":"reconnect"},
        {"after":{"seconds":0.25},"do":"reconnect"}
    ]}"#;
    let expected = Scenario::new()
        .after(After::Reports(1), Action::Reconnect)
        .after(After::Auths(2), Action::Reconnect)
        .after(After::Handshakes(3), Action::Reconnect)
        .after(After::Datagrams(4), Action::Reconnect)
        .after(After::Time(Duration::from_millis(250)), Action::Reconnect)
        .repeat();
    assert_eq!(text.parse(), Ok(expected));
}

#[test]
fn what_is_wrong_is_said_and_where() {
    let step = |inner: &str| format!("{{\"steps\":[{{{inner}}}]}}");
    for (text, reason) in [
        (String::new(), "EOF"),
        ("{}".into(), "missing field `steps`"),
        ("{\"steps\":[],\"sede\":1}".into(), "unknown field `sede`"),
        (step("\"after\":{\"reports\":1}"), "missing field `do`"),
        (
            step("\"do\":\"rebind\""),
            "unknown variant `rebind`, expected one of `impair`",
        ),
        (
            step("\"do\":\"rebindNat\",\"when\":1"),
            "unknown field `when`",
        ),
        (
            step("\"after\":{\"posts\":1},\"do\":\"reconnect\""),
            "unknown variant `posts`",
        ),
        (
            step("\"after\":{\"reports\":-1},\"do\":\"reconnect\""),
            "invalid value",
        ),
        (
            step("\"after\":{\"reports\":0},\"do\":\"reconnect\""),
            "step 1: leave \"after\" out",
        ),
        (step("\"do\":{\"cutOff\":-1}"), "-1 is no number of seconds"),
        (
            step("\"do\":{\"impair\":{\"up\":{\"lose\":1}}}"),
            "unknown field `lose`",
        ),
        (
            step("\"do\":{\"impair\":{\"up\":{\"loss\":30}}}"),
            "step 1: loss: 30 is not between 0 and 1",
        ),
        (
            step("\"do\":{\"impair\":{\"up\":{},\"both\":{}}}"),
            "step 1: \"both\" and a direction",
        ),
        (
            step("\"do\":{\"answer\":{\"route\":\"auth\",\"code\":\"9.99\"}}"),
            "\"9.99\" is no code",
        ),
        (
            step("\"do\":{\"answer\":{\"route\":\"auth\",\"maxAge\":1}}"),
            "step 1: \"maxAge\" without",
        ),
        (
            "{\"repeat\":true,\"steps\":[{\"do\":\"rebindNat\"}]}".into(),
            "cannot be repeated",
        ),
    ] {
        let error = text.parse::<Scenario>().unwrap_err().to_string();
        assert!(
            error.starts_with("scenario: ") && error.contains(reason),
            "{text}: {error}"
        );
    }
    let error = "{\n\"steps\": 1}".parse::<Scenario>().unwrap_err();
    assert!(error.to_string().contains("line 2"), "{error}");
    let error = Scenario::read("/no/such/file").unwrap_err();
    assert!(error.to_string().contains("/no/such/file"), "{error}");
}

#[test]
fn another_seed_can_be_given() {
    let text = r#"{"seed":1,"steps":[{"do":{"impair":{"both":{"loss":0.5}}}}]}"#;
    let scenario: Scenario = text.parse().unwrap();
    let expected = Faults::both(Impairment::loss(0.5)).seed(2);
    assert_eq!(scenario.seed(2).steps[0].action, Action::Impair(expected));
}

#[test]
fn actions_are_told_without_their_payloads() {
    let action = only(r#"{"answer":{"route":"auth","code":"2.05","payload":"s3cr3t"}}"#);
    assert!(!format!("{action} {action:?}").contains("s3cr3t"));
}

/// What the README shows can be read.
#[test]
fn the_readme_is_right() {
    let readme = include_str!("../../../README.md");
    let (_, faults) = readme.split_once("\n## Faults\n").unwrap();
    let (_, block) = faults.split_once("```json\n").unwrap();
    let (example, _) = block.split_once("```").unwrap();
    let scenario: Scenario = example.parse().unwrap();
    assert_eq!(scenario.steps.len(), 4);
    let rows = faults.lines().filter(|line| line.starts_with("| "));
    let cells = rows.filter_map(|row| row.trim_end_matches(" |").rsplit(" | ").next());
    let snippets = cells.flat_map(|cell| cell.split('`').filter(|part| part.starts_with("{\"")));
    let actions: Vec<_> = snippets.map(only).collect();
    assert!(actions.len() >= 10, "{actions:?}");
}
