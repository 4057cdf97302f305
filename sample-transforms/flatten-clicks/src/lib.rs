//! Sessions, each with a list of clicks, to one row a click. Sessions of bots, and those without clicks, make no rows.

use std::borrow::Cow;

use sluicebox::prelude::*;

/// A session as the collector sends it.
#[derive(Debug, Deserialize)]
pub struct Session<'r> {
    #[serde(borrow)]
    id: Cow<'r, str>,
    #[serde(borrow)]
    user_agent: Cow<'r, str>,
    #[serde(borrow)]
    visitor: Visitor<'r>,
    #[serde(borrow)]
    clicks: Vec<Click<'r>>,
}

#[derive(Debug, Deserialize)]
struct Visitor<'r> {
    #[serde(borrow)]
    id: Cow<'r, str>,
    #[serde(borrow)]
    country: Option<Cow<'r, str>>,
}

#[derive(Debug, Deserialize)]
struct Click<'r> {
    #[serde(borrow)]
    page: Cow<'r, str>,
    at: Timestamp,
    dwell_milliseconds: Option<u32>,
    #[serde(borrow, default)]
    labels: Vec<Cow<'r, str>>,
}

/// One click.
#[derive(Debug, Row)]
#[row(table = "clicks", partition_by = ["day"], key = ["session_id", "position"], event_time = "clicked_at")]
pub struct ClickRow<'r> {
    session_id: Cow<'r, str>,
    visitor: VisitorColumns<'r>,
    position: i32,
    page: Cow<'r, str>,
    clicked_at: Timestamp,
    day: Date,
    dwell_milliseconds: Option<u32>,
    labels: Vec<Cow<'r, str>>,
}

/// A struct column.
#[derive(Debug, Clone, Row)]
struct VisitorColumns<'r> {
    id: Cow<'r, str>,
    country: Option<Cow<'r, str>>,
    mobile: bool,
}

const BOTS: [&str; 5] = ["bot", "crawl", "spider", "headless", "curl/"];

/// Makes a row of each click.
#[transform]
pub fn flatten<'r>(session: Json<Session<'r>>) -> Result<Vec<ClickRow<'r>>, Reject> {
    let Json(session) = session;
    let agent = session.user_agent.to_ascii_lowercase();
    if BOTS.iter().any(|bot| agent.contains(bot)) {
        return Ok(Vec::new());
    }
    let visitor =
        VisitorColumns { id: session.visitor.id, country: session.visitor.country, mobile: agent.contains("mobile") };
    let clicks = session.clicks.into_iter().enumerate();
    clicks.map(|(position, click)| click.row(position, &session.id, &visitor)).collect()
}

impl<'r> Click<'r> {
    fn row(
        self,
        position: usize,
        session: &Cow<'r, str>,
        visitor: &VisitorColumns<'r>,
    ) -> Result<ClickRow<'r>, Reject> {
        if !self.page.starts_with('/') {
            let reason = Reject::new("foreign_page", "a page's path begins with `/`");
            return Err(reason.at(format!("clicks[{position}].page")));
        }
        Ok(ClickRow {
            session_id: session.clone(),
            visitor: visitor.clone(),
            position: i32::try_from(position)
                .map_err(|_| Reject::new("too_many_clicks", "more clicks than can be counted"))?,
            page: self.page,
            clicked_at: self.at,
            day: self.at.date(),
            dwell_milliseconds: self.dwell_milliseconds,
            labels: self.labels,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sluicebox::testing::{Runner, check_cases, filtered, rejected, rows};

    use super::flatten;

    fn session(user_agent: &str, clicks: serde_json::Value) -> serde_json::Value {
        json!({"id": "s-1", "user_agent": user_agent, "visitor": {"id": "v-1"}, "clicks": clicks})
    }

    #[test]
    fn every_click_is_a_row() {
        let clicks = json!([
            {"page": "/", "at": "2024-02-29T23:59:59.5Z", "labels": ["a", "b"]},
            {"page": "/basket", "at": "2024-03-01T00:00:01Z", "dwell_milliseconds": 1500},
        ]);
        let visitor = json!({"id": "v-1", "country": null, "mobile": true});
        let first = json!({
            "session_id": "s-1", "visitor": visitor, "position": 0, "page": "/", "clicked_at": "2024-02-29T23:59:59.500Z",
            "day": "2024-02-29", "dwell_milliseconds": null, "labels": ["a", "b"],
        });
        let second = json!({
            "session_id": "s-1", "visitor": visitor, "position": 1, "page": "/basket", "clicked_at": "2024-03-01T00:00:01Z",
            "day": "2024-03-01", "dwell_milliseconds": 1500, "labels": [],
        });
        let verdict = Runner::<flatten>::new().run(session("Mozilla/5.0 (iPhone) Mobile", clicks));
        assert_eq!(verdict, rows([("clicks", first), ("clicks", second)]));
    }

    #[test]
    fn bots_and_empty_sessions_make_no_rows() {
        let click = json!([{"page": "/", "at": "2024-02-29T23:59:59Z"}]);
        let runner = Runner::<flatten>::new();
        assert_eq!(runner.run(session("GoogleBot/2.1", click)), filtered());
        assert_eq!(runner.run(session("Mozilla/5.0", json!([]))), filtered());
    }

    #[test]
    fn one_bad_click_rejects_its_session() {
        let clicks = json!([{"page": "/", "at": "2024-02-29T23:59:59Z"}, {"page": "http://elsewhere", "at": "2024-02-29T23:59:59Z"}]);
        let runner = Runner::<flatten>::new();
        assert_eq!(runner.run(session("Mozilla/5.0", clicks)), rejected("foreign_page", "clicks[1].page"));
        assert_eq!(
            runner.run(session("Mozilla/5.0", json!([{"page": "/"}]))),
            rejected("missing_field", "clicks[0].at")
        );
    }

    #[test]
    fn the_cases_come_out_as_expected() {
        check_cases::<flatten>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }
}
