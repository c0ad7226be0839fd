//! How a command fails: the texts and exit statuses of kubectl's own errors.
//!
//! Behaviour after `k8s.io/kubectl/pkg/cmd/util/helpers.go` (`checkErr`, `StandardErrorMessage`).

use serde_json::Value;

/// The result of a step of a command.
pub type Result<T, E = Fail> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq)]
pub enum Fail {
    /// Everything was said already; only the status remains.
    Exit(i32),
    /// A text that gets the prefix `error: ` unless it has it.
    Plain(String),
    /// A text printed as it is.
    Raw(String),
    /// A `Status` that the server answered.
    Status(Box<Value>),
    /// The request never got an answer: method, URL, and the cause in Go's words.
    Connect {
        /// `Get`, `Post`, ...
        method: String,
        /// The whole URL asked for.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// Several at once, of a command that goes on after an error.
    Many(Vec<Fail>),
}

/// Makes a [`Fail::Plain`].
pub fn plain<T>(text: impl Into<String>) -> Result<T> {
    Err(Fail::Plain(text.into()))
}

/// Makes the error of wrong usage, which points to the command's help.
pub fn usage<T>(command: &str, text: impl AsRef<str>) -> Result<T> {
    Err(Fail::Plain(format!("{}\nSee 'kubectl {command} -h' for help and examples", text.as_ref())))
}

impl Fail {
    /// One failure for many; nothing for none.
    pub fn collect(mut fails: Vec<Fail>) -> Result<()> {
        match fails.len() {
            0 => Ok(()),
            1 => Err(fails.remove(0)),
            _ => Err(Fail::Many(fails)),
        }
    }

    /// The HTTP code of a server's answer.
    pub fn code(&self) -> Option<u64> {
        match self {
            Fail::Status(status) => status["code"].as_u64(),
            _ => None,
        }
    }

    /// Says whether the server answered that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Fail::Status(s) if s["reason"] == "NotFound")
    }

    /// Whether somebody else's change is in the way.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Fail::Status(s) if s["reason"] == "Conflict")
    }

    /// What Go's `err.Error()` gives.
    pub fn message(&self) -> String {
        match self {
            Fail::Exit(_) => "exit".into(),
            Fail::Plain(text) | Fail::Raw(text) => text.clone(),
            Fail::Status(status) => status["message"].as_str().unwrap_or_default().into(),
            Fail::Connect { method, url, cause } => format!("{method} \"{url}\": {cause}"),
            Fail::Many(all) => {
                let texts: Vec<_> = all.iter().map(Fail::message).collect();
                format!("[{}]", texts.join(", "))
            }
        }
    }

    /// Puts words before the message and keeps what kind of failure it is.
    #[must_use]
    pub fn prefix(self, words: &str) -> Fail {
        match self {
            Fail::Status(mut status) => {
                let message = format!("{words}: {}", status["message"].as_str().unwrap_or_default());
                status["message"] = Value::String(message);
                Fail::Status(status)
            }
            Fail::Plain(text) => Fail::Plain(format!("{words}: {text}")),
            other @ Fail::Connect { .. } => Fail::Plain(format!("{words}: {}", other.message())),
            other => other,
        }
    }

    /// Puts words before the message; the kind of failure is lost, as Go's `%v` loses it.
    #[must_use]
    pub fn wrap(self, words: &str) -> Fail {
        Fail::Plain(format!("{words}: {}", self.message()))
    }

    /// What goes to standard error, and the exit status.
    pub fn render(&self) -> (String, i32) {
        let text = match self {
            Fail::Exit(status) => return (String::new(), *status),
            Fail::Many(all) => return (all.iter().map(|f| f.line() + "\n").collect(), 1),
            Fail::Status(status) if status["reason"] == "Invalid" => invalid(status),
            Fail::Plain(text) if text.starts_with("error: ") => text.clone(),
            Fail::Plain(text) => format!("error: {text}"),
            other => other.line(),
        };
        (if text.ends_with('\n') { text } else { text + "\n" }, 1)
    }

    /// The failure on a line of its own among others.
    pub fn line(&self) -> String {
        match self {
            Fail::Status(status) => {
                let message = self.message();
                match status["reason"].as_str().unwrap_or_default() {
                    "Unauthorized" => format!("error: You must be logged in to the server ({message})"),
                    "" => format!("Error from server: {message}"),
                    reason => format!("Error from server ({reason}): {message}"),
                }
            }
            Fail::Connect { url, cause, .. } => {
                if cause.contains("connection refused") {
                    format!(
                        "The connection to the server {} was refused - did you specify the right host or port?",
                        host_of(url)
                    )
                } else {
                    format!("Unable to connect to the server: {cause}")
                }
            }
            other => other.message(),
        }
    }
}

/// The host and port of a URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or(rest)
}

/// The text for an object that the server finds invalid: its causes, one a line when there are several.
fn invalid(status: &Value) -> String {
    let message = status["message"].as_str().unwrap_or_default();
    let details = &status["details"];
    if details.is_null() {
        let tail = if message.is_empty() { String::new() } else { format!(": {message}") };
        return format!("The request is invalid{tail}");
    }
    let (kind, name) =
        (details["kind"].as_str().unwrap_or_default(), details["name"].as_str().unwrap_or_default());
    let mut causes: Vec<String> = Vec::new();
    for cause in details["causes"].as_array().into_iter().flatten() {
        let text = format!(
            "{}: {}",
            cause["field"].as_str().unwrap_or_default(),
            cause["message"].as_str().unwrap_or_default()
        );
        if !causes.contains(&text) {
            causes.push(text);
        }
    }
    let mut head = "The request is invalid".to_owned();
    if !kind.is_empty() || !name.is_empty() {
        head = format!("The {kind} \"{name}\" is invalid");
    } else if !message.is_empty() && causes.is_empty() {
        head = format!("{head}: {message}");
    }
    match causes.as_slice() {
        [] => head,
        [one] => format!("{head}: {one}"),
        many => {
            let lines: String = many.iter().map(|c| format!("* {c}\n")).collect();
            format!("{head}: \n{lines}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_are_kubectls_own() {
        let forbidden = Fail::Status(Box::new(json!({"reason": "Forbidden", "message": "no", "code": 403})));
        assert_eq!(forbidden.render(), ("Error from server (Forbidden): no\n".into(), 1));
        let refused = Fail::Connect {
            method: "Get".into(),
            url: "https://172.30.1.2:6443/api/v1/nodes?limit=500".into(),
            cause: "dial tcp 172.30.1.2:6443: connect: connection refused".into(),
        };
        assert_eq!(
            refused.render().0,
            "The connection to the server 172.30.1.2:6443 was refused - did you specify the right host or port?\n"
        );
        let two = Fail::Status(Box::new(
            json!({"reason": "Invalid", "message": "x", "details": {"kind": "Node", "name": "n",
            "causes": [{"field": "a", "message": "1"}, {"field": "b", "message": "2"}, {"field": "b", "message": "2"}]}}),
        ));
        assert_eq!(two.render().0, "The Node \"n\" is invalid: \n* a: 1\n* b: 2\n");
        assert_eq!(Fail::Plain("error: once".into()).render().0, "error: once\n");
    }
}
