//! Topics and topic filters, by the rules of MQTT (version 3.1.1, section 4.7).

/// A pattern of topics: `+` stands for one level, `#` at the end for the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicFilter {
    levels: Vec<String>,
}

impl TopicFilter {
    /// `None` if wildcards are misplaced or the filter does not begin with a slash.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let levels: Vec<String> = text
            .strip_prefix('/')?
            .split('/')
            .map(String::from)
            .collect();
        let last = levels.len() - 1;
        let sound = levels
            .iter()
            .enumerate()
            .all(|(at, level)| match level.as_str() {
                "+" => true,
                "#" => at == last,
                level => is_level(level),
            });
        sound.then_some(TopicFilter { levels })
    }

    pub(crate) fn matches(&self, topic: &str) -> bool {
        let Some(topic) = topic.strip_prefix('/') else {
            return false;
        };
        let mut levels = topic.split('/');
        for wanted in &self.levels {
            match (wanted.as_str(), levels.next()) {
                ("#", _) => return true,
                ("+", Some(level)) if !level.is_empty() => {}
                (wanted, Some(level)) if wanted == level => {}
                _ => return false,
            }
        }
        levels.next().is_none()
    }
}

/// Whether a message can be published to `topic`: no wildcards, no empty level.
pub(crate) fn is_publishable(topic: &str) -> bool {
    topic
        .strip_prefix('/')
        .is_some_and(|levels| levels.split('/').all(is_level))
}

fn is_level(level: &str) -> bool {
    !level.is_empty() && !level.contains(['+', '#', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_match_level_by_level() {
        let cases = [
            ("/a/b", "/a/b", true),
            ("/a/b", "/a/bc", false),
            ("/a/b", "/a/b/c", false),
            ("/a/b", "/a", false),
            ("/a/+", "/a/x", true),
            ("/a/+", "/a/x/y", false),
            ("/a/+/c", "/a/x/c", true),
            ("/a/#", "/a/x/y", true),
            ("/a/#", "/a", true),
            ("/a/#", "/ab", false),
            ("/#", "/anything", true),
            ("/a", "a", false),
        ];
        for (filter, topic, expected) in cases {
            let filter = TopicFilter::parse(filter).unwrap();
            assert_eq!(filter.matches(topic), expected, "{filter:?} {topic}");
        }
    }

    #[test]
    fn misplaced_wildcards_are_no_filter() {
        for text in ["", "a", "/", "/#/a", "/a#", "/a+/b", "/a//b"] {
            assert_eq!(TopicFilter::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn only_plain_topics_are_published_to() {
        assert!(is_publishable("/a/b"));
        for topic in ["", "/", "a", "/a/", "//a", "/a/+", "/a/#", "/a/b\0"] {
            assert!(!is_publishable(topic), "{topic:?}");
        }
    }
}
