//! The audit log as a file, and as it is written.

use super::description::describe;
use super::objects::EntryObject;
use crate::kit::answer::set_header;
use crate::kit::call::Call;
use crate::kit::error::HandlerResult;
use crate::kit::json::{self, Timestamp};
use crate::kit::streamed::{Writer, streamed};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use doorward_domain::audit::AuditRecord;
use doorward_services::audit::{Export, ListedEntry, News, Tail};
use doorward_services::{Error, Principal};
use serde_json::Value;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;
use tokio::time::sleep;
use uuid::Uuid;

const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");
const JSON_LINES: HeaderValue = HeaderValue::from_static("application/jsonl; charset=utf-8");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
/// The event that a client has seen last (HTML, server-sent events).
const LAST_EVENT: &str = "last-event-id";
/// Has nginx pass on what comes at once.
const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// How often a client that watches is sent something, that it may see that the connection stands.
const SIGN_EVERY: Duration = Duration::from_secs(15);
/// The pause when the database cannot be asked.
const PAUSE: Duration = Duration::from_secs(2);

/// The columns of a table.
const COLUMNS: &str = "time,id,action,status_code,resource_type,resource_id,resource_target,user_id,username,organization_id,organization,\
ip,user_agent,request_id,description,diff,additional_fields\r\n";

/// As what the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    JsonLines,
}

/// A format that is none.
#[derive(Debug, thiserror::Error)]
#[error("known are `csv` and `jsonl`")]
struct UnknownFormat;

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        match text {
            "csv" => Ok(Self::Csv),
            "jsonl" => Ok(Self::JsonLines),
            _ => Err(UnknownFormat),
        }
    }
}

/// Writes the records that the caller may read into a file, newest first.
#[utoipa::path(
    get, path = "/api/v2/audit/export", tag = "audit",
    params(
        ("q" = Option<String>, Query, description = "Search: `key:value` terms; a bare word is a resource type"),
        ("format" = Option<String>, Query, description = "`jsonl` (default): a record per line; or `csv`"),
    ),
    responses((status = 200, content_type = "application/jsonl", body = EntryObject, description = "Each line")),
)]
pub(crate) async fn export(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let text = query.text("q").unwrap_or_default();
    let format = query.parsed::<Format>("format", "format").unwrap_or(Format::JsonLines);
    query.done()?;
    let place = call.site.exports.take_for(&actor)?;
    let mut export = Export::begin(call.context(), &actor, &text).await?;
    let (content_type, ending) = match format {
        Format::Csv => (CSV, "csv"),
        Format::JsonLines => (JSON_LINES, "jsonl"),
    };
    let (mut response, writer) = streamed(content_type);
    let name = format!("attachment; filename=\"audit-{}.{ending}\"", call.now().date());
    set_header(response.headers_mut(), header::CONTENT_DISPOSITION, &name);
    let closing = call.site.closing.clone();
    actix_web::rt::spawn(async move {
        let is_whole = tokio::select! {
            () = closing.begun() => Ok(false),
            // Whoever has gone needs nothing, not even to be told.
            written = write(&mut export, &writer, format) => written.map(|()| true),
        };
        match is_whole {
            Ok(true) => {}
            Ok(false) => writer.fail().await,
            Err(error) => {
                tracing::warn!(%error, "the audit log cannot be exported");
                writer.fail().await;
            }
        }
        drop(place);
    });
    Ok(response)
}

async fn write(export: &mut Export, writer: &Writer, format: Format) -> Result<(), Error> {
    if format == Format::Csv && !writer.write(COLUMNS).await {
        return Ok(());
    }
    while let Some(page) = export.next().await? {
        // A page may be long: others are not to wait for it to be written.
        let made = tokio::task::spawn_blocking(move || lines(page, format)).await;
        let made = made.map_err(|defect| Error::Internal(defect.into()))?;
        if !writer.write(made.map_err(|defect| Error::Internal(defect.into()))?).await {
            return Ok(());
        }
    }
    Ok(())
}

fn lines(page: Vec<ListedEntry>, format: Format) -> Result<Vec<u8>, serde_json::Error> {
    let mut lines = Vec::new();
    for entry in page {
        match format {
            Format::JsonLines => append(&mut lines, &EntryObject::from(entry))?,
            Format::Csv => row(&mut lines, &entry),
        }
    }
    Ok(lines)
}

/// Appends a JSON value as one line.
fn append(lines: &mut Vec<u8>, entry: &EntryObject) -> Result<(), serde_json::Error> {
    let text = json::to_bytes(entry)?;
    lines.extend_from_slice(text.trim_ascii_end());
    lines.push(b'\n');
    Ok(())
}

/// Appends a row of a table (RFC 4180).
fn row(lines: &mut Vec<u8>, listed: &ListedEntry) {
    let entry = &listed.entry;
    let record: &AuditRecord = &entry.record;
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let json = |value: &Value| {
        if value.as_object().is_some_and(serde_json::Map::is_empty) { String::new() } else { value.to_string() }
    };
    let organization = entry.organization.as_ref().map(|place| place.name.to_string());
    let cells = [
        time(record),
        record.id.to_string(),
        record.action.as_str().to_owned(),
        record.status_code.to_string(),
        record.resource_type.as_str().to_owned(),
        record.resource_id.clone(),
        record.resource_target.clone(),
        id(record.user_id.map(|id| id.0)),
        entry.user.as_ref().map(|user| user.username.to_string()).unwrap_or_default(),
        id(record.organization_id.map(|id| id.0)),
        organization.unwrap_or_default(),
        record.ip.clone(),
        record.user_agent.clone(),
        id(record.request_id),
        describe(record),
        json(&record.diff),
        json(&record.additional_fields),
    ];
    for (place, text) in cells.iter().enumerate() {
        if place > 0 {
            lines.push(b',');
        }
        cell(lines, text);
    }
    lines.extend_from_slice(b"\r\n");
}

fn time(record: &AuditRecord) -> String {
    let text = serde_json::to_value(Timestamp::from(record.time)).unwrap_or_default();
    text.as_str().unwrap_or_default().to_owned()
}

/// Appends a cell. What a spreadsheet would take for a formula gets an apostrophe in front: others choose names and user agents.
fn cell(lines: &mut Vec<u8>, text: &str) {
    // Some spreadsheets take the wide forms of the signs for the signs.
    let is_formula = text.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r']);
    if !is_formula && !text.contains([',', '"', '\r', '\n']) {
        lines.extend_from_slice(text.as_bytes());
        return;
    }
    lines.push(b'"');
    if is_formula {
        lines.push(b'\'');
    }
    lines.extend_from_slice(text.replace('"', "\"\"").as_bytes());
    lines.push(b'"');
}

/// Tells the records that are written from now on as they come, by server-sent events: an `audit` with the record for each, a `gap` where
/// there were more than can be told.
#[utoipa::path(
    get, path = "/api/v2/audit/tail", tag = "audit",
    params(
        ("q" = Option<String>, Query, description = "Search: `key:value` terms; a bare word is a resource type"),
        ("Last-Event-ID" = Option<Uuid>, Header, description = "The id of the last record that was told: what came since is told first"),
    ),
    responses((status = 200, content_type = "text/event-stream", body = EntryObject, description = "Each event")),
)]
pub(crate) async fn tail(call: Call, actor: Principal) -> HandlerResult {
    let mut query = call.query();
    let text = query.text("q").unwrap_or_default();
    query.done()?;
    let last = call.request.headers().get(LAST_EVENT).and_then(|id| id.to_str().ok());
    let last = last.and_then(|id| Uuid::parse_str(id).ok()).map(Into::into);
    let place = call.site.watchers.take_for(&actor)?;
    let tail = Tail::begin(call.context(), &actor, &text, last).await?;
    let (mut response, writer) = streamed(EVENTS);
    response.headers_mut().insert(BUFFERING, HeaderValue::from_static("no"));
    let closing = call.site.closing.clone();
    actix_web::rt::spawn(async move {
        tokio::select! {
            () = closing.begun() => {}
            () = writer.left() => {}
            () = tell(tail, &writer) => {}
        }
        drop((writer, place));
    });
    Ok(response)
}

/// Tells what is new until the client has gone, or may not look any more.
async fn tell(mut tail: Tail, writer: &Writer) {
    // That the client may see at once that it is heard.
    let mut is_heard = writer.write(": watching\n\n").await;
    while is_heard {
        let news = tokio::select! {
            news = tail.next() => news,
            () = sleep(SIGN_EVERY) => {
                is_heard = writer.write(":\n\n").await;
                continue;
            }
        };
        is_heard = match news {
            Ok(Some(news)) => writer.write(events(news)).await,
            Ok(None) => return,
            // It is looked again in a while.
            Err(error) => {
                tracing::debug!(%error, "cannot look into the audit log now");
                sleep(PAUSE).await;
                true
            }
        };
    }
}

fn events(news: News) -> Vec<u8> {
    let mut text = Vec::new();
    if news.has_gap {
        text.extend_from_slice(b"event: gap\ndata:\n\n");
    }
    for listed in news.entries {
        let id = listed.entry.record.id;
        let mut line = Vec::new();
        match append(&mut line, &EntryObject::from(listed)) {
            Ok(()) => event(&mut text, &id, &line),
            Err(error) => tracing::error!(%error, "writing a record"),
        }
    }
    text
}

fn event(text: &mut Vec<u8>, id: &dyn Display, line: &[u8]) {
    text.extend_from_slice(format!("id: {id}\nevent: audit\ndata: ").as_bytes());
    // It ends with the end of its line.
    text.extend_from_slice(line);
    text.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> String {
        let mut lines = Vec::new();
        cell(&mut lines, text);
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn cells_keep_what_they_hold_and_are_no_formulas() {
        for (text, expected) in [
            ("", ""),
            ("plain text", "plain text"),
            ("a,b", "\"a,b\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@x", "\"'@x\""),
            ("-1", "\"'-1\""),
            ("＝1", "\"'＝1\""),
            ("+\"1", "\"'+\"\"1\""),
            ("a=b", "a=b"),
        ] {
            assert_eq!(written(text), expected);
        }
    }

    #[test]
    fn an_event_is_one_line_of_data_with_an_id() {
        let mut text = Vec::new();
        event(&mut text, &"7", b"{}\n");
        assert_eq!(text, b"id: 7\nevent: audit\ndata: {}\n\n");
        assert_eq!(events(News { entries: Vec::new(), has_gap: true }), b"event: gap\ndata:\n\n");
    }
}
